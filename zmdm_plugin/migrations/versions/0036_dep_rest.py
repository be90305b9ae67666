"""Until when a device management service at Apple is left alone after a failure

Revision: 0036, after 0035
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

_COLUMN = sa.Column("rests_until", sa.DateTime(timezone=True), nullable=True)


def upgrade() -> None:
    op.add_column("zmdm_dep_virtual_server", _COLUMN)
    # A revoked enrollment is nobody's default from now on.
    op.execute(
        "UPDATE zmdm_dep_virtual_server SET default_enrollment_id = NULL "
        "WHERE default_enrollment_id IN "
        "(SELECT id FROM zmdm_enrollment WHERE revoked_at IS NOT NULL)"
    )


def downgrade() -> None:
    op.drop_column("zmdm_dep_virtual_server", _COLUMN.name)
