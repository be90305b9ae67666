"""Software updates: Apple's list, what is enforced, what each device is told

Revision: 0003, after 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "zmdm_software_update",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("platform", sa.String(length=16), nullable=False),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("version_key", sa.String(length=64), nullable=False),
        sa.Column("extra", sa.String(length=16), nullable=False),
        sa.Column("build", sa.String(length=32), nullable=False),
        sa.Column("prerequisite_build", sa.String(length=32), nullable=False),
        sa.Column("managed", sa.Boolean(), nullable=False),
        sa.Column("public", sa.Boolean(), nullable=False),
        sa.Column("posted_on", sa.Date(), nullable=True),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zmdm_software_update")),
        sa.UniqueConstraint(
            "platform",
            "version",
            "extra",
            "build",
            "prerequisite_build",
            name="uq_zmdm_software_update_release",
        ),
        sa.UniqueConstraint("uid", name=op.f("uq_zmdm_software_update_uid")),
    )
    with op.batch_alter_table("zmdm_software_update", schema=None) as batch_op:
        batch_op.create_index(
            "ix_zmdm_software_update_platform_version_key",
            ["platform", "version_key"],
            unique=False,
        )

    op.create_table(
        "zmdm_software_update_feed",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("releases", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_zmdm_software_update_feed")),
    )
    op.create_table(
        "zmdm_update_enforcement",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("details_url", sa.String(length=2000), nullable=False),
        sa.Column(
            "platforms",
            sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
            nullable=False,
        ),
        sa.Column("os_version", sa.String(length=32), nullable=False),
        sa.Column("build_version", sa.String(length=32), nullable=False),
        sa.Column("local_datetime", sa.String(length=19), nullable=True),
        sa.Column("max_os_version", sa.String(length=32), nullable=False),
        sa.Column(
            "delay_days", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("local_time", sa.String(length=8), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zmdm_update_enforcement")),
        sa.UniqueConstraint("name", name=op.f("uq_zmdm_update_enforcement_name")),
        sa.UniqueConstraint("uid", name=op.f("uq_zmdm_update_enforcement_uid")),
    )
    op.create_table(
        "zmdm_blueprint_update_enforcement",
        sa.Column(
            "blueprint_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "enforcement_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["blueprint_id"],
            ["zmdm_blueprint.id"],
            name=op.f("fk_zmdm_blueprint_update_enforcement_blueprint_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["enforcement_id"],
            ["zmdm_update_enforcement.id"],
            name=op.f("fk_zmdm_blueprint_update_enforcement_enforcement_id"),
        ),
        sa.PrimaryKeyConstraint(
            "blueprint_id", "enforcement_id", name=op.f("pk_zmdm_blueprint_update_enforcement")
        ),
    )
    with op.batch_alter_table("zmdm_blueprint_update_enforcement", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_zmdm_blueprint_update_enforcement_enforcement_id"),
            ["enforcement_id"],
            unique=False,
        )

    op.create_table(
        "zmdm_software_update_device",
        sa.Column("device_id", sa.String(length=64), nullable=False),
        sa.Column(
            "update_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["update_id"],
            ["zmdm_software_update.id"],
            name=op.f("fk_zmdm_software_update_device_update_id"),
        ),
        sa.PrimaryKeyConstraint(
            "device_id", "update_id", name=op.f("pk_zmdm_software_update_device")
        ),
    )
    with op.batch_alter_table("zmdm_software_update_device", schema=None) as batch_op:
        batch_op.create_index(
            "ix_zmdm_software_update_device_update_id", ["update_id"], unique=False
        )

    op.create_table(
        "zmdm_update_enforcement_tag",
        sa.Column(
            "enforcement_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("tag_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["enforcement_id"],
            ["zmdm_update_enforcement.id"],
            name=op.f("fk_zmdm_update_enforcement_tag_enforcement_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tag_id"], ["zmdm_tag.id"], name=op.f("fk_zmdm_update_enforcement_tag_tag_id")
        ),
        sa.PrimaryKeyConstraint(
            "enforcement_id", "tag_id", name=op.f("pk_zmdm_update_enforcement_tag")
        ),
    )
    with op.batch_alter_table("zmdm_update_enforcement_tag", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_zmdm_update_enforcement_tag_tag_id"), ["tag_id"], unique=False
        )

    op.create_table(
        "zmdm_advertised_update",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column(
            "device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "enforcement_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("identifier", sa.String(length=64), nullable=False),
        sa.Column("os_version", sa.String(length=32), nullable=False),
        sa.Column("build_version", sa.String(length=32), nullable=False),
        sa.Column("local_datetime", sa.String(length=19), nullable=False),
        sa.Column("basis", sa.String(length=32), nullable=False),
        sa.Column("details_url", sa.String(length=2000), nullable=False),
        sa.Column("why", sa.String(length=500), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended", sa.String(length=16), nullable=True),
        sa.Column("ended_why", sa.String(length=500), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["zmdm_device.id"], name=op.f("fk_zmdm_advertised_update_device_id")
        ),
        sa.ForeignKeyConstraint(
            ["enforcement_id"],
            ["zmdm_update_enforcement.id"],
            name=op.f("fk_zmdm_advertised_update_enforcement_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zmdm_advertised_update")),
        sa.UniqueConstraint("uid", name=op.f("uq_zmdm_advertised_update_uid")),
    )
    with op.batch_alter_table("zmdm_advertised_update", schema=None) as batch_op:
        batch_op.create_index("ix_zmdm_advertised_update_device_id", ["device_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_zmdm_advertised_update_enforcement_id"), ["enforcement_id"], unique=False
        )
        batch_op.create_index(
            "ix_zmdm_advertised_update_open",
            ["device_id"],
            unique=False,
            postgresql_where=sa.text("ended_at IS NULL"),
            sqlite_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "zmdm_device_update",
        sa.Column(
            "device_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "enforcement_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("why", sa.String(length=1000), nullable=True),
        sa.Column("chosen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("install_state", sa.String(length=32), nullable=True),
        sa.Column("state_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pending_os_version", sa.String(length=64), nullable=True),
        sa.Column("pending_build_version", sa.String(length=64), nullable=True),
        sa.Column(
            "reasons",
            sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
            nullable=True,
        ),
        sa.Column("declaration_identifier", sa.String(length=64), nullable=True),
        sa.Column(
            "failure_count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("failure_reason", sa.String(length=500), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("beta_program", sa.String(length=256), nullable=True),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["device_id"], ["zmdm_device.id"], name=op.f("fk_zmdm_device_update_device_id")
        ),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_zmdm_device_update")),
    )


def downgrade() -> None:
    op.drop_table("zmdm_device_update")
    with op.batch_alter_table("zmdm_advertised_update", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_zmdm_advertised_update_open",
            postgresql_where=sa.text("ended_at IS NULL"),
            sqlite_where=sa.text("ended_at IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_zmdm_advertised_update_enforcement_id"))
        batch_op.drop_index("ix_zmdm_advertised_update_device_id")

    op.drop_table("zmdm_advertised_update")
    with op.batch_alter_table("zmdm_update_enforcement_tag", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_zmdm_update_enforcement_tag_tag_id"))

    op.drop_table("zmdm_update_enforcement_tag")
    with op.batch_alter_table("zmdm_software_update_device", schema=None) as batch_op:
        batch_op.drop_index("ix_zmdm_software_update_device_update_id")

    op.drop_table("zmdm_software_update_device")
    with op.batch_alter_table("zmdm_blueprint_update_enforcement", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_zmdm_blueprint_update_enforcement_enforcement_id"))

    op.drop_table("zmdm_blueprint_update_enforcement")
    op.drop_table("zmdm_update_enforcement")
    op.drop_table("zmdm_software_update_feed")
    with op.batch_alter_table("zmdm_software_update", schema=None) as batch_op:
        batch_op.drop_index("ix_zmdm_software_update_platform_version_key")

    op.drop_table("zmdm_software_update")
