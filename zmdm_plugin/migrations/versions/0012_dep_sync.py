"""When a synchronization of a virtual server was last ordered; counts of devices by profile

Revision: 0012, after 0011.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "zmdm_dep_virtual_server",
        sa.Column("sync_begun_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_index(
        "ix_zmdm_dep_device_server_id_profile_uuid",
        "zmdm_dep_device",
        ["server_id", "profile_uuid"],
    )


def downgrade() -> None:
    op.drop_index("ix_zmdm_dep_device_server_id_profile_uuid", table_name="zmdm_dep_device")
    with op.batch_alter_table("zmdm_dep_virtual_server") as batch:
        batch.drop_column("sync_begun_at")
