"""Unfinished sign-ins of a realm and of an address are found without those that were finished

Revision: 0038, after 0037
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

_NAME, _TABLE = "ix_zmdm_sign_in_unfinished", "zmdm_sign_in"
_WHERE = sa.text("handle_hash IS NULL")


def upgrade() -> None:
    op.create_index(
        _NAME, _TABLE, ["realm_id", "address"], postgresql_where=_WHERE, sqlite_where=_WHERE
    )


def downgrade() -> None:
    op.drop_index(_NAME, table_name=_TABLE)
