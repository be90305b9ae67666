"""Channels that wait in Setup Assistant: since when, and until when at most

Revision: 0017, after 0016
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_COLUMNS = ("awaiting_since", "awaiting_until", "awaiting_stalled_at")


def upgrade() -> None:
    for name in _COLUMNS:
        op.add_column("zmdm_channel", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    waits = sa.text("awaiting_since IS NOT NULL")
    op.create_index(
        "ix_zmdm_channel_awaiting",
        "zmdm_channel",
        ["awaiting_until", "id"],
        postgresql_where=waits,
        sqlite_where=waits,
    )


def downgrade() -> None:
    op.drop_index("ix_zmdm_channel_awaiting", table_name="zmdm_channel")
    with op.batch_alter_table("zmdm_channel") as batch_op:
        for name in reversed(_COLUMNS):
            batch_op.drop_column(name)
