"""On how many channels an application is that many have

Revision: 0030, after 0029
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    column = sa.Column("installed", number, nullable=False, server_default=sa.text("0"))
    op.add_column("zmdm_application", column)


def downgrade() -> None:
    op.drop_column("zmdm_application", "installed")
