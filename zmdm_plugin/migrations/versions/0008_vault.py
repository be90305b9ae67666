"""The vault: what became of each secret, escrow keys, configurations, sealing keys

Revision: 0008, after 0007
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_MOMENTS = (*("taken_at", "confirmed_at", "verified_at", "doubted_at", "revealed_at", "rotate_at"),)
_BLUEPRINT_CONFIGS = ("filevault_config_id", "recovery_password_config_id")
_BLUEPRINT_ADMIN = {
    "admin_password_rotation_interval_days": "0",
    "admin_password_reveal_rotation_delay": "60",
}
_SEALED = (
    ("zmdm_push_certificate", "private_key"),
    ("zmdm_certificate_authority", "private_key"),
    ("zmdm_device_secret", "value"),
    ("zmdm_device", "unlock_token"),
    ("zmdm_device", "bootstrap_token"),
)


def _big() -> sa.types.TypeEngine:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _moment(name: str, *, nullable: bool = True) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _row(table: str, *columns: sa.schema.SchemaItem) -> None:
    op.create_table(
        table,
        sa.Column("id", _big(), nullable=False),
        sa.Column("uid", sa.String(length=36), nullable=False),
        *columns,
        _moment("created_at", nullable=False),
        _moment("updated_at", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("uid", name=op.f(f"uq_{table}_uid")),
    )


def upgrade() -> None:
    op.add_column("zmdm_device_secret", sa.Column("origin", sa.String(length=80), nullable=True))
    for name in _MOMENTS:
        op.add_column("zmdm_device_secret", _moment(name))
    op.execute(
        "UPDATE zmdm_device_secret SET confirmed_at = updated_at "
        "WHERE state IN ('confirmed', 'superseded')"
    )
    for name in _BLUEPRINT_CONFIGS:
        op.add_column("zmdm_blueprint", sa.Column(name, _big(), nullable=True))
        op.create_index(f"ix_zmdm_blueprint_{name}", "zmdm_blueprint", [name])
    for name, default in _BLUEPRINT_ADMIN.items():
        op.add_column(
            "zmdm_blueprint",
            sa.Column(name, _big(), nullable=False, server_default=sa.text(default)),
        )
    _row(
        "zmdm_escrow_key",
        sa.Column("device_id", _big(), nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=False),
        sa.Column("private_key", sa.Text(), nullable=True),
        _moment("not_after", nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["zmdm_device.id"], name=op.f("fk_zmdm_escrow_key_device_id")
        ),
    )
    op.create_index("ix_zmdm_escrow_key_device_id", "zmdm_escrow_key", ["device_id"])
    _row(
        "zmdm_filevault_config",
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("escrow_location_display_name", sa.String(length=256), nullable=False),
        sa.Column("at_login_only", sa.Boolean(), nullable=False),
        sa.Column("bypass_attempts", _big(), nullable=False),
        sa.Column("show_recovery_key", sa.Boolean(), nullable=False),
        sa.Column("destroy_key_on_standby", sa.Boolean(), nullable=False),
        sa.Column("enforce_in_setup_assistant", sa.Boolean(), nullable=False),
        sa.Column("prk_rotation_interval_days", _big(), nullable=False),
        sa.Column("prk_reveal_rotation_delay", _big(), nullable=False),
        sa.UniqueConstraint("name", name=op.f("uq_zmdm_filevault_config_name")),
    )
    _row(
        "zmdm_recovery_password_config",
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("dynamic_password", sa.Boolean(), nullable=False),
        sa.Column("static_password", sa.Text(), nullable=True),
        sa.Column("generation", _big(), nullable=False),
        sa.Column("rotation_interval_days", _big(), nullable=False),
        sa.Column("reveal_rotation_delay", _big(), nullable=False),
        sa.Column("rotate_firmware_password", sa.Boolean(), nullable=False),
        sa.UniqueConstraint("name", name=op.f("uq_zmdm_recovery_password_config_name")),
    )
    _tasks()
    _keys()


def _tasks() -> None:
    op.create_table(
        "zmdm_protection_task",
        sa.Column("device_id", _big(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=80), nullable=True),
        *(_moment(name) for name in ("done_at", "asked_at", "tried_at")),
        sa.Column("failures", _big(), nullable=False),
        _moment("next_try_at"),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(
            ["device_id"], ["zmdm_device.id"], name=op.f("fk_zmdm_protection_task_device_id")
        ),
        sa.PrimaryKeyConstraint("device_id", "kind", name=op.f("pk_zmdm_protection_task")),
    )
    op.create_table(
        "zmdm_reveal_allowance",
        sa.Column("actor_id", sa.String(length=128), nullable=False),
        _moment("since", nullable=False),
        sa.Column("count", _big(), nullable=False),
        sa.PrimaryKeyConstraint("actor_id", name=op.f("pk_zmdm_reveal_allowance")),
    )


def _keys() -> None:
    """The keys in use are read from what they sealed: `z1.<key id>.…`."""
    table = op.create_table(
        "zmdm_sealing_key",
        sa.Column("key_id", sa.String(length=8), nullable=False),
        _moment("first_used_at", nullable=False),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_zmdm_sealing_key")),
    )
    found = set()
    for name, column in _SEALED:
        query = f"SELECT DISTINCT substr({column}, 4, 8) FROM {name} WHERE {column} IS NOT NULL"
        found |= {row[0] for row in op.get_bind().execute(sa.text(query)) if len(row[0]) == 8}
    now = datetime.now(UTC)
    if found:
        op.bulk_insert(table, [{"key_id": one, "first_used_at": now} for one in sorted(found)])


def downgrade() -> None:
    for table in ("zmdm_sealing_key", "zmdm_reveal_allowance", "zmdm_protection_task"):
        op.drop_table(table)
    for table in ("zmdm_recovery_password_config", "zmdm_filevault_config", "zmdm_escrow_key"):
        op.drop_table(table)
    for name in _BLUEPRINT_ADMIN:
        op.drop_column("zmdm_blueprint", name)
    for name in _BLUEPRINT_CONFIGS:
        op.drop_index(f"ix_zmdm_blueprint_{name}", table_name="zmdm_blueprint")
        op.drop_column("zmdm_blueprint", name)
    for name in ("origin", *_MOMENTS):
        op.drop_column("zmdm_device_secret", name)
