"""A device's own word for an app that the App Store does not describe

Revision: 0031, after 0030
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("app_identifier", sa.String(256), nullable=True)
    op.add_column("zmdm_channel_artifact", column)


def downgrade() -> None:
    op.drop_column("zmdm_channel_artifact", "app_identifier")
