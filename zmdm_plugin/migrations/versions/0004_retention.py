"""When commands and long work were finished, to forget the oldest first

Revision: 0004, after 0003.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TABLES = ("zmdm_command", "zmdm_job_run")


def upgrade() -> None:
    finished = sa.text("finished_at IS NOT NULL")
    for table in _TABLES:
        op.create_index(
            f"ix_{table}_finished_at",
            table,
            ["finished_at"],
            postgresql_where=finished,
            sqlite_where=finished,
        )


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_index(f"ix_{table}_finished_at", table_name=table)
