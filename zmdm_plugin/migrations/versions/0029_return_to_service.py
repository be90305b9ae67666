"""What a device that is reset needs to return to service

Revision: 0029, after 0028
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_FLAGS = {
    "return_preserve_apps": sa.true(),
    "return_preserve_data_plan": sa.true(),
    "return_retry_enrollment": sa.false(),
}


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    with op.batch_alter_table("zmdm_ade_settings") as batch:
        batch.add_column(sa.Column("return_wifi_artifact_id", number, nullable=True))
        for name, default in _FLAGS.items():
            flag = sa.Column(name, sa.Boolean(), nullable=False, server_default=default)
            batch.add_column(flag)
        batch.create_foreign_key(
            op.f("fk_zmdm_ade_settings_return_wifi_artifact_id"),
            "zmdm_artifact",
            ["return_wifi_artifact_id"],
            ["id"],
        )
        batch.create_index(
            op.f("ix_zmdm_ade_settings_return_wifi_artifact_id"), ["return_wifi_artifact_id"]
        )


def downgrade() -> None:
    with op.batch_alter_table("zmdm_ade_settings") as batch:
        batch.drop_index(op.f("ix_zmdm_ade_settings_return_wifi_artifact_id"))
        batch.drop_constraint(
            op.f("fk_zmdm_ade_settings_return_wifi_artifact_id"), type_="foreignkey"
        )
        for name in reversed(_FLAGS):
            batch.drop_column(name)
        batch.drop_column("return_wifi_artifact_id")
