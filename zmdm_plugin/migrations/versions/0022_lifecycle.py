"""Devices that are asked to leave, are released, are in the archive, or locked

Revision: 0019, after 0018
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_COLUMNS = ("locked_at", "archived_at", "released_at", "leave_failure", "leaving_at")


def upgrade() -> None:
    op.add_column("zmdm_device", sa.Column("leaving_at", _MOMENT, nullable=True))
    op.add_column("zmdm_device", sa.Column("leave_failure", sa.String(500), nullable=True))
    op.add_column("zmdm_device", sa.Column("released_at", _MOMENT, nullable=True))
    op.add_column("zmdm_device", sa.Column("archived_at", _MOMENT, nullable=True))
    op.add_column("zmdm_device", sa.Column("locked_at", _MOMENT, nullable=True))
    archived = sa.text("archived_at IS NOT NULL")
    op.create_index(
        "ix_zmdm_device_archived",
        "zmdm_device",
        ["id"],
        postgresql_where=archived,
        sqlite_where=archived,
    )


def downgrade() -> None:
    op.drop_index("ix_zmdm_device_archived", "zmdm_device")
    for column in _COLUMNS:
        op.drop_column("zmdm_device", column)
