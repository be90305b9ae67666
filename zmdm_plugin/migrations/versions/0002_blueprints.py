"""Blueprints, artifacts, declarations

Revision: 0002, after 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "zmdm_artifact",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("type", sa.String(length=24), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column(
            "platforms",
            sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
            nullable=False,
        ),
        sa.Column("install_during_setup_assistant", sa.Boolean(), nullable=False),
        sa.Column("auto_update", sa.Boolean(), nullable=False),
        sa.Column(
            "reinstall_interval",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column("reinstall_on_os_update", sa.String(length=8), nullable=False),
        sa.Column("declaration_type", sa.String(length=128), nullable=True),
        sa.Column("declaration_identifier", sa.String(length=256), nullable=True),
        sa.Column("identifier", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zmdm_artifact")),
        sa.UniqueConstraint(
            "declaration_identifier", name=op.f("uq_zmdm_artifact_declaration_identifier")
        ),
        sa.UniqueConstraint("identifier", name=op.f("uq_zmdm_artifact_identifier")),
        sa.UniqueConstraint("name", name=op.f("uq_zmdm_artifact_name")),
        sa.UniqueConstraint("uid", name=op.f("uq_zmdm_artifact_uid")),
    )
    with op.batch_alter_table("zmdm_artifact", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_zmdm_artifact_type"), ["type"], unique=False)

    op.create_table(
        "zmdm_blueprint",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column(
            "inventory_interval",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column("collect_apps", sa.String(length=8), nullable=False),
        sa.Column("collect_certificates", sa.String(length=8), nullable=False),
        sa.Column("collect_profiles", sa.String(length=8), nullable=False),
        sa.Column("legacy_profiles_via_ddm", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zmdm_blueprint")),
        sa.UniqueConstraint("name", name=op.f("uq_zmdm_blueprint_name")),
        sa.UniqueConstraint("uid", name=op.f("uq_zmdm_blueprint_uid")),
    )
    op.create_table(
        "zmdm_artifact_requirement",
        sa.Column(
            "artifact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "required_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["artifact_id"],
            ["zmdm_artifact.id"],
            name=op.f("fk_zmdm_artifact_requirement_artifact_id"),
        ),
        sa.ForeignKeyConstraint(
            ["required_id"],
            ["zmdm_artifact.id"],
            name=op.f("fk_zmdm_artifact_requirement_required_id"),
        ),
        sa.PrimaryKeyConstraint(
            "artifact_id", "required_id", "kind", name=op.f("pk_zmdm_artifact_requirement")
        ),
    )
    with op.batch_alter_table("zmdm_artifact_requirement", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_zmdm_artifact_requirement_required_id"), ["required_id"], unique=False
        )

    op.create_table(
        "zmdm_artifact_version",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column(
            "artifact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("rank", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "scope",
            sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "content",
            sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "variables",
            sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
            nullable=False,
        ),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("content_type", sa.String(length=128), nullable=True),
        sa.Column("filename", sa.String(length=256), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("actor_id", sa.String(length=128), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["artifact_id"], ["zmdm_artifact.id"], name=op.f("fk_zmdm_artifact_version_artifact_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zmdm_artifact_version")),
        sa.UniqueConstraint(
            "artifact_id", "number", name=op.f("uq_zmdm_artifact_version_artifact_id_number")
        ),
        sa.UniqueConstraint("uid", name=op.f("uq_zmdm_artifact_version_uid")),
    )
    with op.batch_alter_table("zmdm_artifact_version", schema=None) as batch_op:
        batch_op.create_index(
            "ix_zmdm_artifact_version_rank", ["artifact_id", "rank"], unique=False
        )

    op.create_table(
        "zmdm_blueprint_artifact",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column(
            "blueprint_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "artifact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "scope",
            sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["artifact_id"],
            ["zmdm_artifact.id"],
            name=op.f("fk_zmdm_blueprint_artifact_artifact_id"),
        ),
        sa.ForeignKeyConstraint(
            ["blueprint_id"],
            ["zmdm_blueprint.id"],
            name=op.f("fk_zmdm_blueprint_artifact_blueprint_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zmdm_blueprint_artifact")),
        sa.UniqueConstraint(
            "blueprint_id",
            "artifact_id",
            name=op.f("uq_zmdm_blueprint_artifact_blueprint_id_artifact_id"),
        ),
        sa.UniqueConstraint("uid", name=op.f("uq_zmdm_blueprint_artifact_uid")),
    )
    with op.batch_alter_table("zmdm_blueprint_artifact", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_zmdm_blueprint_artifact_artifact_id"), ["artifact_id"], unique=False
        )

    op.create_table(
        "zmdm_manifest",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column(
            "blueprint_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column(
            "entries",
            sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["blueprint_id"], ["zmdm_blueprint.id"], name=op.f("fk_zmdm_manifest_blueprint_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zmdm_manifest")),
        sa.UniqueConstraint("digest", name=op.f("uq_zmdm_manifest_digest")),
        sa.UniqueConstraint("uid", name=op.f("uq_zmdm_manifest_uid")),
    )
    with op.batch_alter_table("zmdm_manifest", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_zmdm_manifest_blueprint_id"), ["blueprint_id"], unique=False
        )

    op.create_table(
        "zmdm_channel_artifact",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column(
            "channel_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "artifact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("via", sa.String(length=12), nullable=False),
        sa.Column(
            "installed_version_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
        ),
        sa.Column("installed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("installed_os", sa.String(length=64), nullable=True),
        sa.Column(
            "install_count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "tried_version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "retry_count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "reinstall_count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("active", sa.Boolean(), nullable=True),
        sa.Column("valid", sa.String(length=8), nullable=True),
        sa.Column(
            "reasons",
            sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
            nullable=True,
        ),
        sa.Column(
            "unresolved",
            sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
            nullable=True,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["artifact_id"], ["zmdm_artifact.id"], name=op.f("fk_zmdm_channel_artifact_artifact_id")
        ),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["zmdm_channel.id"], name=op.f("fk_zmdm_channel_artifact_channel_id")
        ),
        sa.ForeignKeyConstraint(
            ["installed_version_id"],
            ["zmdm_artifact_version.id"],
            name=op.f("fk_zmdm_channel_artifact_installed_version_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tried_version_id"],
            ["zmdm_artifact_version.id"],
            name=op.f("fk_zmdm_channel_artifact_tried_version_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zmdm_channel_artifact")),
        sa.UniqueConstraint(
            "channel_id",
            "artifact_id",
            name=op.f("uq_zmdm_channel_artifact_channel_id_artifact_id"),
        ),
        sa.UniqueConstraint("uid", name=op.f("uq_zmdm_channel_artifact_uid")),
    )
    with op.batch_alter_table("zmdm_channel_artifact", schema=None) as batch_op:
        batch_op.create_index(
            "ix_zmdm_channel_artifact_installed", ["installed_version_id"], unique=False
        )
        batch_op.create_index(
            "ix_zmdm_channel_artifact_status", ["artifact_id", "status", "id"], unique=False
        )
        batch_op.create_index("ix_zmdm_channel_artifact_tried", ["tried_version_id"], unique=False)

    op.create_table(
        "zmdm_channel_declarations",
        sa.Column(
            "channel_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "manifest_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column(
            "overlay",
            sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
            nullable=True,
        ),
        sa.Column("token", sa.String(length=64), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "offered_manifest_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "offered_overlay",
            sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
            nullable=True,
        ),
        sa.Column("offered_token", sa.String(length=64), nullable=True),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ordered_token", sa.String(length=64), nullable=True),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("enabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "capabilities",
            sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
            nullable=True,
        ),
        sa.Column(
            "status",
            sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
            nullable=True,
        ),
        sa.Column(
            "errors",
            sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
            nullable=True,
        ),
        sa.Column("full_report_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["zmdm_channel.id"],
            name=op.f("fk_zmdm_channel_declarations_channel_id"),
        ),
        sa.ForeignKeyConstraint(
            ["manifest_id"],
            ["zmdm_manifest.id"],
            name=op.f("fk_zmdm_channel_declarations_manifest_id"),
        ),
        sa.ForeignKeyConstraint(
            ["offered_manifest_id"],
            ["zmdm_manifest.id"],
            name=op.f("fk_zmdm_channel_declarations_offered_manifest_id"),
        ),
        sa.PrimaryKeyConstraint("channel_id", name=op.f("pk_zmdm_channel_declarations")),
        postgresql_with={"fillfactor": 70},
    )
    with op.batch_alter_table("zmdm_channel_declarations", schema=None) as batch_op:
        batch_op.create_index(
            "ix_zmdm_channel_declarations_manifest_id", ["manifest_id"], unique=False
        )
        batch_op.create_index(
            "ix_zmdm_channel_declarations_offered_manifest_id",
            ["offered_manifest_id"],
            unique=False,
        )

    with op.batch_alter_table("zmdm_channel", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "planned_blueprint_revision",
                sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
                server_default="0",
                nullable=False,
            )
        )

    op.add_column(
        "zmdm_device",
        sa.Column(
            "blueprint_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
    )
    op.add_column("zmdm_device", sa.Column("blueprint_actor_id", sa.String(128), nullable=True))
    op.create_index("ix_zmdm_device_blueprint_id", "zmdm_device", ["blueprint_id"])

    with op.batch_alter_table("zmdm_enrollment", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "blueprint_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
            )
        )
        batch_op.create_index(
            batch_op.f("ix_zmdm_enrollment_blueprint_id"), ["blueprint_id"], unique=False
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_zmdm_enrollment_blueprint_id"),
            "zmdm_blueprint",
            ["blueprint_id"],
            ["id"],
        )


def downgrade() -> None:
    with op.batch_alter_table("zmdm_enrollment", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_zmdm_enrollment_blueprint_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_zmdm_enrollment_blueprint_id"))
        batch_op.drop_column("blueprint_id")

    op.drop_index("ix_zmdm_device_blueprint_id", "zmdm_device")
    op.drop_column("zmdm_device", "blueprint_actor_id")
    op.drop_column("zmdm_device", "blueprint_id")
    op.drop_column("zmdm_channel", "planned_blueprint_revision")

    with op.batch_alter_table("zmdm_channel_declarations", schema=None) as batch_op:
        batch_op.drop_index("ix_zmdm_channel_declarations_offered_manifest_id")
        batch_op.drop_index("ix_zmdm_channel_declarations_manifest_id")

    op.drop_table("zmdm_channel_declarations")
    with op.batch_alter_table("zmdm_channel_artifact", schema=None) as batch_op:
        batch_op.drop_index("ix_zmdm_channel_artifact_tried")
        batch_op.drop_index("ix_zmdm_channel_artifact_status")
        batch_op.drop_index("ix_zmdm_channel_artifact_installed")

    op.drop_table("zmdm_channel_artifact")
    with op.batch_alter_table("zmdm_manifest", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_zmdm_manifest_blueprint_id"))

    op.drop_table("zmdm_manifest")
    with op.batch_alter_table("zmdm_blueprint_artifact", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_zmdm_blueprint_artifact_artifact_id"))

    op.drop_table("zmdm_blueprint_artifact")
    with op.batch_alter_table("zmdm_artifact_version", schema=None) as batch_op:
        batch_op.drop_index("ix_zmdm_artifact_version_rank")

    op.drop_table("zmdm_artifact_version")
    with op.batch_alter_table("zmdm_artifact_requirement", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_zmdm_artifact_requirement_required_id"))

    op.drop_table("zmdm_artifact_requirement")
    op.drop_table("zmdm_blueprint")
    with op.batch_alter_table("zmdm_artifact", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_zmdm_artifact_type"))

    op.drop_table("zmdm_artifact")
