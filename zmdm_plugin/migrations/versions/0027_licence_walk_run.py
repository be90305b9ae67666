"""A walk over many devices shows how far it is as a run

Revision: 0027, after 0026
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("zmdm_licence_walk", sa.Column("run", sa.String(36), nullable=True))


def downgrade() -> None:
    op.drop_column("zmdm_licence_walk", "run")
