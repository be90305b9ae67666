"""Webhooks take turns: what is next for one of them, and what holds back others

Revision: 0037, after 0036
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

_TABLE = "zmdm_webhook_delivery"
_ALIVE = sa.text("dead_at IS NULL")
_HELD = sa.text("dead_at IS NULL AND (attempts > 0 OR leased_until IS NOT NULL)")


def upgrade() -> None:
    op.drop_index("ix_zmdm_webhook_delivery_due", _TABLE)
    op.drop_index("ix_zmdm_webhook_delivery_order", _TABLE)
    op.create_index(
        "ix_zmdm_webhook_delivery_next",
        _TABLE,
        ["webhook_id", "id"],
        postgresql_where=_ALIVE,
        sqlite_where=_ALIVE,
    )
    op.create_index(
        "ix_zmdm_webhook_delivery_held",
        _TABLE,
        ["webhook_id", "stream", "id"],
        postgresql_where=_HELD,
        sqlite_where=_HELD,
    )


def downgrade() -> None:
    op.drop_index("ix_zmdm_webhook_delivery_held", _TABLE)
    op.drop_index("ix_zmdm_webhook_delivery_next", _TABLE)
    op.create_index("ix_zmdm_webhook_delivery_order", _TABLE, ["webhook_id", "stream", "id"])
    op.create_index(
        "ix_zmdm_webhook_delivery_due",
        _TABLE,
        ["due_at", "id"],
        postgresql_where=_ALIVE,
        sqlite_where=_ALIVE,
    )
