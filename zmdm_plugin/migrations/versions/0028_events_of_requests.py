"""Events of a request that somebody made are found by it

Revision: 0028, after 0027
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    given = sa.text("actor_id IS NOT NULL")
    op.create_index(
        "ix_zmdm_event_request_id_id",
        "zmdm_event",
        ["request_id", "id"],
        postgresql_where=given,
        sqlite_where=given,
    )


def downgrade() -> None:
    op.drop_index("ix_zmdm_event_request_id_id", "zmdm_event")
