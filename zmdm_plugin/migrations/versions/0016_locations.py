"""Locations tell Apple again what it shows them, and why it does not

Revision: 0016, after 0015
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("zmdm_location", schema=None) as batch_op:
        batch_op.add_column(sa.Column("notification_token", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("notification_error", sa.String(length=500), nullable=True))

    with op.batch_alter_table("zmdm_location_asset", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "user_count",
                sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
                server_default="0",
                nullable=False,
            )
        )


def downgrade() -> None:
    with op.batch_alter_table("zmdm_location_asset", schema=None) as batch_op:
        batch_op.drop_column("user_count")

    with op.batch_alter_table("zmdm_location", schema=None) as batch_op:
        batch_op.drop_column("notification_error")
        batch_op.drop_column("notification_token")
