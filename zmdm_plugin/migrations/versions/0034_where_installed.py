"""From an application to what is installed, page by page

Revision: 0034, after 0033
"""

from __future__ import annotations

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_TABLE, _INDEX = "zmdm_installed_application", "ix_zmdm_installed_application_where"


def upgrade() -> None:
    op.drop_index(_INDEX, _TABLE)
    op.create_index(_INDEX, _TABLE, ["application_id", "id"])


def downgrade() -> None:
    op.drop_index(_INDEX, _TABLE)
    op.create_index(_INDEX, _TABLE, ["application_id", "channel_id"])
