"""Whose organization vouches for the accounts of people's own devices

Revision: 0035, after 0034
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_KEY = "fk_zmdm_account_settings_server_id"
_INDEX, _TABLE = "ix_zmdm_account_settings_server_id", "zmdm_account_settings"
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table(_TABLE) as batch:
        batch.add_column(sa.Column("server_id", _ID, nullable=True))
        batch.create_foreign_key(
            op.f(_KEY), "zmdm_dep_virtual_server", ["server_id"], ["id"], ondelete="SET NULL"
        )
        batch.create_index(_INDEX, ["server_id"])


def downgrade() -> None:
    with op.batch_alter_table(_TABLE) as batch:
        batch.drop_index(_INDEX)
        batch.drop_constraint(op.f(_KEY), type_="foreignkey")
        batch.drop_column("server_id")
