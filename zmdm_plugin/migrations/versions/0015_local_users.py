"""Accounts of a device

Revision: 0015, after 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.add_column("zmdm_device", sa.Column("local_users", _JSON, nullable=True))
    op.add_column(
        "zmdm_device", sa.Column("local_users_at", sa.DateTime(timezone=True), nullable=True)
    )


def downgrade() -> None:
    op.drop_column("zmdm_device", "local_users_at")
    op.drop_column("zmdm_device", "local_users")
