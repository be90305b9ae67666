"""What the variables of an installed profile stood for

Revision: 0013, after 0012.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_TABLE = "zmdm_channel_artifact"


def upgrade() -> None:
    op.add_column(_TABLE, sa.Column("installed_values", sa.String(64), nullable=True))
    op.add_column(_TABLE, sa.Column("tried_values", sa.String(64), nullable=True))


def downgrade() -> None:
    op.drop_column(_TABLE, "tried_values")
    op.drop_column(_TABLE, "installed_values")
