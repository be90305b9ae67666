"""Automated Device Enrollment: services at Apple, their devices, the profiles defined there

Revision: 0005, after 0004.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(JSONB(astext_type=sa.Text()), "postgresql")


def upgrade() -> None:
    op.create_table(
        "zmdm_dep_virtual_server",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("uuid", sa.String(length=64), nullable=True),
        sa.Column("consumer_key", sa.String(length=1024), nullable=True),
        sa.Column("org_id", sa.String(length=256), nullable=False),
        sa.Column("org_id_hash", sa.String(length=256), nullable=False),
        sa.Column("org_name", sa.String(length=256), nullable=False),
        sa.Column("org_email", sa.String(length=256), nullable=False),
        sa.Column("org_phone", sa.String(length=256), nullable=False),
        sa.Column("org_address", sa.String(length=1024), nullable=False),
        sa.Column("org_type", sa.String(length=16), nullable=False),
        sa.Column("org_version", sa.String(length=16), nullable=False),
        sa.Column("admin_id", sa.String(length=256), nullable=False),
        sa.Column("limits", JSON, nullable=True),
        sa.Column("account_read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("certificate", sa.LargeBinary(), nullable=True),
        sa.Column("private_key", sa.Text(), nullable=True),
        sa.Column("staged_certificate", sa.LargeBinary(), nullable=True),
        sa.Column("staged_private_key", sa.Text(), nullable=True),
        sa.Column("staged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("access_token_expiry", sa.DateTime(timezone=True), nullable=True),
        sa.Column("token_taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("fetching", sa.Boolean(), nullable=False),
        sa.Column(
            "fetch_number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("synced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("terms_not_signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.Column("error_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "default_enrollment_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["default_enrollment_id"],
            ["zmdm_enrollment.id"],
            name=op.f("fk_zmdm_dep_virtual_server_default_enrollment_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zmdm_dep_virtual_server")),
        sa.UniqueConstraint("uid", name=op.f("uq_zmdm_dep_virtual_server_uid")),
        sa.UniqueConstraint("uuid", name=op.f("uq_zmdm_dep_virtual_server_uuid")),
    )
    op.create_index(
        op.f("ix_zmdm_dep_virtual_server_default_enrollment_id"),
        "zmdm_dep_virtual_server",
        ["default_enrollment_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_zmdm_dep_virtual_server_name"), "zmdm_dep_virtual_server", ["name"], unique=False
    )
    op.create_index(
        op.f("ix_zmdm_dep_virtual_server_org_id_hash"),
        "zmdm_dep_virtual_server",
        ["org_id_hash"],
        unique=False,
    )
    op.create_table(
        "zmdm_ade_profile",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column(
            "enrollment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "server_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("profile_uuid", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("content", JSON, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("defined_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["enrollment_id"],
            ["zmdm_enrollment.id"],
            name=op.f("fk_zmdm_ade_profile_enrollment_id"),
        ),
        sa.ForeignKeyConstraint(
            ["server_id"],
            ["zmdm_dep_virtual_server.id"],
            name=op.f("fk_zmdm_ade_profile_server_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zmdm_ade_profile")),
        sa.UniqueConstraint("profile_uuid", name=op.f("uq_zmdm_ade_profile_profile_uuid")),
        sa.UniqueConstraint("uid", name=op.f("uq_zmdm_ade_profile_uid")),
    )
    op.create_index(
        "ix_zmdm_ade_profile_enrollment_id_state_id",
        "zmdm_ade_profile",
        ["enrollment_id", "state", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_zmdm_ade_profile_server_id"), "zmdm_ade_profile", ["server_id"], unique=False
    )
    op.create_table(
        "zmdm_dep_device",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column(
            "server_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("serial_number", sa.String(length=128), nullable=False),
        sa.Column("model", sa.String(length=256), nullable=False),
        sa.Column("description", sa.String(length=1024), nullable=False),
        sa.Column("asset_tag", sa.String(length=256), nullable=False),
        sa.Column("color", sa.String(length=64), nullable=False),
        sa.Column("device_family", sa.String(length=32), nullable=False),
        sa.Column("os", sa.String(length=32), nullable=False),
        sa.Column("device_assigned_by", sa.String(length=256), nullable=False),
        sa.Column("device_assigned_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mdm_migration_deadline", sa.DateTime(timezone=True), nullable=True),
        sa.Column("op_type", sa.String(length=16), nullable=False),
        sa.Column("op_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("more", JSON, nullable=True),
        sa.Column("profile_status", sa.String(length=16), nullable=False),
        sa.Column("profile_uuid", sa.String(length=64), nullable=False),
        sa.Column("profile_assign_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("profile_push_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "enrollment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("assignment", sa.String(length=16), nullable=False),
        sa.Column("assignment_reason", sa.String(length=500), nullable=True),
        sa.Column("attempts", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "fetch_number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disowned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["enrollment_id"], ["zmdm_enrollment.id"], name=op.f("fk_zmdm_dep_device_enrollment_id")
        ),
        sa.ForeignKeyConstraint(
            ["server_id"], ["zmdm_dep_virtual_server.id"], name=op.f("fk_zmdm_dep_device_server_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zmdm_dep_device")),
        sa.UniqueConstraint(
            "server_id", "serial_number", name=op.f("uq_zmdm_dep_device_server_id_serial_number")
        ),
        sa.UniqueConstraint("uid", name=op.f("uq_zmdm_dep_device_uid")),
    )
    op.create_index(
        "ix_zmdm_dep_device_created_at_id", "zmdm_dep_device", ["created_at", "id"], unique=False
    )
    op.create_index(
        "ix_zmdm_dep_device_due",
        "zmdm_dep_device",
        ["server_id", "next_try_at"],
        unique=False,
        postgresql_where=sa.text("next_try_at IS NOT NULL"),
        sqlite_where=sa.text("next_try_at IS NOT NULL"),
    )
    op.create_index(
        "ix_zmdm_dep_device_enrollment_id_id",
        "zmdm_dep_device",
        ["enrollment_id", "id"],
        unique=False,
    )
    op.create_index(
        "ix_zmdm_dep_device_op_date_id", "zmdm_dep_device", ["op_date", "id"], unique=False
    )
    op.create_index(
        op.f("ix_zmdm_dep_device_serial_number"), "zmdm_dep_device", ["serial_number"], unique=False
    )
    op.create_index(
        "ix_zmdm_dep_device_server_id_id", "zmdm_dep_device", ["server_id", "id"], unique=False
    )
    op.create_index(
        "ix_zmdm_dep_device_updated_at_id", "zmdm_dep_device", ["updated_at", "id"], unique=False
    )


def downgrade() -> None:
    op.drop_index("ix_zmdm_dep_device_updated_at_id", table_name="zmdm_dep_device")
    op.drop_index("ix_zmdm_dep_device_server_id_id", table_name="zmdm_dep_device")
    op.drop_index(op.f("ix_zmdm_dep_device_serial_number"), table_name="zmdm_dep_device")
    op.drop_index("ix_zmdm_dep_device_op_date_id", table_name="zmdm_dep_device")
    op.drop_index("ix_zmdm_dep_device_enrollment_id_id", table_name="zmdm_dep_device")
    op.drop_index(
        "ix_zmdm_dep_device_due",
        table_name="zmdm_dep_device",
        postgresql_where=sa.text("next_try_at IS NOT NULL"),
        sqlite_where=sa.text("next_try_at IS NOT NULL"),
    )
    op.drop_index("ix_zmdm_dep_device_created_at_id", table_name="zmdm_dep_device")
    op.drop_table("zmdm_dep_device")
    op.drop_index(op.f("ix_zmdm_ade_profile_server_id"), table_name="zmdm_ade_profile")
    op.drop_index("ix_zmdm_ade_profile_enrollment_id_state_id", table_name="zmdm_ade_profile")
    op.drop_table("zmdm_ade_profile")
    op.drop_index(
        op.f("ix_zmdm_dep_virtual_server_org_id_hash"), table_name="zmdm_dep_virtual_server"
    )
    op.drop_index(op.f("ix_zmdm_dep_virtual_server_name"), table_name="zmdm_dep_virtual_server")
    op.drop_index(
        op.f("ix_zmdm_dep_virtual_server_default_enrollment_id"),
        table_name="zmdm_dep_virtual_server",
    )
    op.drop_table("zmdm_dep_virtual_server")
