"""Licences are ordered for who has waited longest; the index leads there, past nobody else

Revision: 0024, after 0023
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_NAME, _TABLE = "ix_zmdm_licence_todo", "zmdm_licence"
_WHERE = "todo IS NOT NULL AND request_id IS NULL"


def upgrade() -> None:
    _index("location_asset_id", "todo", "changed_at", "id")


def downgrade() -> None:
    _index("location_asset_id", "todo", "id")


def _index(*columns: str) -> None:
    op.drop_index(_NAME, table_name=_TABLE)
    where = sa.text(_WHERE)
    op.create_index(_NAME, _TABLE, list(columns), postgresql_where=where, sqlite_where=where)
