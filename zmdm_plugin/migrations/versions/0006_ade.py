"""Settings of ADE enrollments

Revision: 0006, after 0005.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "zmdm_ade_settings",
        sa.Column("id", INT, nullable=False),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("enrollment_id", INT, nullable=False),
        sa.Column("server_id", INT, nullable=False),
        sa.Column("profile_name", sa.String(length=125), nullable=False),
        sa.Column("department", sa.String(length=125), nullable=False),
        sa.Column("org_magic", sa.String(length=256), nullable=False),
        sa.Column("support_email_address", sa.String(length=250), nullable=False),
        sa.Column("support_phone_number", sa.String(length=50), nullable=False),
        sa.Column("language", sa.String(length=3), nullable=False),
        sa.Column("region", sa.String(length=2), nullable=False),
        sa.Column("allow_pairing", sa.Boolean(), nullable=False),
        sa.Column("auto_advance_setup", sa.Boolean(), nullable=False),
        sa.Column("await_device_configured", sa.Boolean(), nullable=False),
        sa.Column("is_mandatory", sa.Boolean(), nullable=False),
        sa.Column("is_mdm_removable", sa.Boolean(), nullable=False),
        sa.Column("is_multi_user", sa.Boolean(), nullable=False),
        sa.Column("is_supervised", sa.Boolean(), nullable=False),
        sa.Column("is_return_to_service", sa.Boolean(), nullable=False),
        sa.Column("do_not_use_profile_from_backup", sa.Boolean(), nullable=False),
        sa.Column("skip_setup_items", JSON, nullable=False),
        sa.Column("include_anchor_certs", sa.Boolean(), nullable=False),
        sa.Column("supervising_host_certs", JSON, nullable=False),
        sa.Column("ios_min_version", sa.String(length=32), nullable=False),
        sa.Column("macos_min_version", sa.String(length=32), nullable=False),
        sa.Column("visionos_min_version", sa.String(length=32), nullable=False),
        sa.Column("use_realm_user", sa.Boolean(), nullable=False),
        sa.Column("username_pattern", sa.String(length=64), nullable=False),
        sa.Column("realm_user_is_admin", sa.Boolean(), nullable=False),
        sa.Column("lock_primary_account_info", sa.Boolean(), nullable=False),
        sa.Column("skip_primary_account", sa.Boolean(), nullable=False),
        sa.Column("admin_full_name", sa.String(length=80), nullable=False),
        sa.Column("admin_short_name", sa.String(length=32), nullable=False),
        sa.Column("hidden_admin", sa.Boolean(), nullable=False),
        sa.Column("admin_password_complexity", INT, nullable=False),
        sa.Column("admin_password_rotation_delay", INT, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["enrollment_id"],
            ["zmdm_enrollment.id"],
            name=op.f("fk_zmdm_ade_settings_enrollment_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["server_id"],
            ["zmdm_dep_virtual_server.id"],
            name=op.f("fk_zmdm_ade_settings_server_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zmdm_ade_settings")),
        sa.UniqueConstraint("enrollment_id", name=op.f("uq_zmdm_ade_settings_enrollment_id")),
        sa.UniqueConstraint("uid", name=op.f("uq_zmdm_ade_settings_uid")),
    )
    op.create_index(
        op.f("ix_zmdm_ade_settings_server_id"), "zmdm_ade_settings", ["server_id"], unique=False
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_zmdm_ade_settings_server_id"), table_name="zmdm_ade_settings")
    op.drop_table("zmdm_ade_settings")
