"""From where a sign-in was begun, so that one address cannot begin them all

Revision: 0033, after 0032
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("zmdm_sign_in", sa.Column("address", sa.String(64), nullable=True))


def downgrade() -> None:
    op.drop_column("zmdm_sign_in", "address")
