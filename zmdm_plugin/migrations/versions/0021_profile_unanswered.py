"""Whether Apple's answer to a new enrollment profile is still to come, or was lost

Revision: 0021, after 0020
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("zmdm_ade_profile") as batch:
        batch.add_column(sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("unanswered", _ID, nullable=False, server_default="0"))
    with op.batch_alter_table("zmdm_ade_profile") as batch:
        batch.alter_column("unanswered", existing_type=_ID, server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("zmdm_ade_profile") as batch:
        batch.drop_column("unanswered")
        batch.drop_column("asked_at")
