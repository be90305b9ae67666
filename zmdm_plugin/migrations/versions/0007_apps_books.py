"""Apps & Books: locations, assets, licences, requests to Apple and its notifications

Revision: 0007, after 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "zmdm_asset",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("adam_id", sa.String(length=32), nullable=False),
        sa.Column("pricing_param", sa.String(length=8), nullable=False),
        sa.Column("product_type", sa.String(length=16), nullable=False),
        sa.Column("device_assignable", sa.Boolean(), nullable=False),
        sa.Column("revocable", sa.Boolean(), nullable=False),
        sa.Column(
            "supported_platforms",
            sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
            nullable=False,
        ),
        sa.Column("name", sa.String(length=512), nullable=True),
        sa.Column("bundle_id", sa.String(length=256), nullable=True),
        sa.Column("latest_version", sa.String(length=64), nullable=True),
        sa.Column("store_url", sa.String(length=1024), nullable=True),
        sa.Column("icon", sa.LargeBinary(), nullable=True),
        sa.Column("icon_type", sa.String(length=32), nullable=True),
        sa.Column("icon_url", sa.String(length=1024), nullable=True),
        sa.Column(
            "store_metadata",
            sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
            nullable=True,
        ),
        sa.Column("metadata_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("metadata_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("metadata_error", sa.String(length=500), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zmdm_asset")),
        sa.UniqueConstraint(
            "adam_id", "pricing_param", name=op.f("uq_zmdm_asset_adam_id_pricing_param")
        ),
        sa.UniqueConstraint("uid", name=op.f("uq_zmdm_asset_uid")),
    )
    with op.batch_alter_table("zmdm_asset", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_zmdm_asset_bundle_id"), ["bundle_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_zmdm_asset_metadata_due_at"), ["metadata_due_at"], unique=False
        )
        batch_op.create_index("ix_zmdm_asset_name_id", ["name", "id"], unique=False)

    op.create_table(
        "zmdm_location",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("organization_name", sa.String(length=256), nullable=False),
        sa.Column("country_code", sa.String(length=8), nullable=False),
        sa.Column("library_uid", sa.String(length=64), nullable=False),
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("website_url", sa.String(length=512), nullable=False),
        sa.Column("server_token", sa.Text(), nullable=True),
        sa.Column("server_token_hash", sa.String(length=64), nullable=False),
        sa.Column("server_token_expiration_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mdm_info_id", sa.String(length=36), nullable=False),
        sa.Column("notification_token_hash", sa.String(length=64), nullable=True),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "owner",
            sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
            nullable=True,
        ),
        sa.Column("lost_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "service_config",
            sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
            nullable=True,
        ),
        sa.Column("service_config_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("assets_version", sa.String(length=128), nullable=True),
        sa.Column("assignments_version", sa.String(length=128), nullable=True),
        sa.Column(
            "generation", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("synced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("full_sync_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.Column(
            "error_number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("error_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("notified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zmdm_location")),
        sa.UniqueConstraint("library_uid", name=op.f("uq_zmdm_location_library_uid")),
        sa.UniqueConstraint("mdm_info_id", name=op.f("uq_zmdm_location_mdm_info_id")),
        sa.UniqueConstraint("server_token_hash", name=op.f("uq_zmdm_location_server_token_hash")),
        sa.UniqueConstraint("uid", name=op.f("uq_zmdm_location_uid")),
    )
    with op.batch_alter_table("zmdm_location", schema=None) as batch_op:
        batch_op.create_index("ix_zmdm_location_name_id", ["name", "id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_zmdm_location_organization_name"), ["organization_name"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_zmdm_location_server_token_expiration_date"),
            ["server_token_expiration_date"],
            unique=False,
        )

    op.create_table(
        "zmdm_request_pace",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("next_us", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_zmdm_request_pace")),
    )
    op.create_table(
        "zmdm_location_asset",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column(
            "location_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("asset_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "assigned_count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "available_count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "retired_count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "total_count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "reserved_count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "generation", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("stale_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("short_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("reserved_count >= 0", name=op.f("ck_zmdm_location_asset_reserved")),
        sa.ForeignKeyConstraint(
            ["asset_id"], ["zmdm_asset.id"], name=op.f("fk_zmdm_location_asset_asset_id")
        ),
        sa.ForeignKeyConstraint(
            ["location_id"], ["zmdm_location.id"], name=op.f("fk_zmdm_location_asset_location_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zmdm_location_asset")),
        sa.UniqueConstraint(
            "location_id", "asset_id", name=op.f("uq_zmdm_location_asset_location_id_asset_id")
        ),
        sa.UniqueConstraint("uid", name=op.f("uq_zmdm_location_asset_uid")),
    )
    with op.batch_alter_table("zmdm_location_asset", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_zmdm_location_asset_asset_id"), ["asset_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_zmdm_location_asset_short_at"), ["short_at"], unique=False
        )
        batch_op.create_index(
            "ix_zmdm_location_asset_stale",
            ["location_id"],
            unique=False,
            postgresql_where=sa.text("stale_at IS NOT NULL"),
            sqlite_where=sa.text("stale_at IS NOT NULL"),
        )

    op.create_table(
        "zmdm_location_notification",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "location_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("notification_id", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column(
            "body",
            sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
            nullable=True,
        ),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(
            ["location_id"],
            ["zmdm_location.id"],
            name=op.f("fk_zmdm_location_notification_location_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zmdm_location_notification")),
        sa.UniqueConstraint(
            "location_id",
            "notification_id",
            name=op.f("uq_zmdm_location_notification_location_id_notification_id"),
        ),
    )
    with op.batch_alter_table("zmdm_location_notification", schema=None) as batch_op:
        batch_op.create_index(
            "ix_zmdm_location_notification_fresh",
            ["location_id", "id"],
            unique=False,
            postgresql_where=sa.text("processed_at IS NULL"),
            sqlite_where=sa.text("processed_at IS NULL"),
        )
        batch_op.create_index(
            batch_op.f("ix_zmdm_location_notification_received_at"), ["received_at"], unique=False
        )

    op.create_table(
        "zmdm_licence_request",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column(
            "location_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "location_asset_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("event_id", sa.String(length=64), nullable=True),
        sa.Column("count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("left", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "error_number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["location_asset_id"],
            ["zmdm_location_asset.id"],
            name=op.f("fk_zmdm_licence_request_location_asset_id"),
        ),
        sa.ForeignKeyConstraint(
            ["location_id"], ["zmdm_location.id"], name=op.f("fk_zmdm_licence_request_location_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zmdm_licence_request")),
        sa.UniqueConstraint(
            "location_id", "event_id", name=op.f("uq_zmdm_licence_request_location_id_event_id")
        ),
        sa.UniqueConstraint("uid", name=op.f("uq_zmdm_licence_request_uid")),
    )
    with op.batch_alter_table("zmdm_licence_request", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_zmdm_licence_request_finished_at"), ["finished_at"], unique=False
        )
        batch_op.create_index(
            "ix_zmdm_licence_request_location_asset_id_id",
            ["location_asset_id", "id"],
            unique=False,
        )
        batch_op.create_index(
            "ix_zmdm_licence_request_open",
            ["location_id", "due_at"],
            unique=False,
            postgresql_where=sa.text("finished_at IS NULL"),
            sqlite_where=sa.text("finished_at IS NULL"),
        )

    op.create_table(
        "zmdm_licence",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "location_asset_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column("serial_number", sa.String(length=128), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("wanted", sa.Boolean(), nullable=False),
        sa.Column("ours", sa.Boolean(), nullable=False),
        sa.Column("todo", sa.String(length=8), nullable=True),
        sa.Column(
            "request_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("untold", sa.Boolean(), nullable=False),
        sa.Column(
            "generation", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "error_number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.Column("attempts", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["location_asset_id"],
            ["zmdm_location_asset.id"],
            name=op.f("fk_zmdm_licence_location_asset_id"),
        ),
        sa.ForeignKeyConstraint(
            ["request_id"], ["zmdm_licence_request.id"], name=op.f("fk_zmdm_licence_request_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zmdm_licence")),
        sa.UniqueConstraint(
            "location_asset_id",
            "serial_number",
            name=op.f("uq_zmdm_licence_location_asset_id_serial_number"),
        ),
    )
    with op.batch_alter_table("zmdm_licence", schema=None) as batch_op:
        batch_op.create_index(
            "ix_zmdm_licence_location_asset_id_id", ["location_asset_id", "id"], unique=False
        )
        batch_op.create_index(
            "ix_zmdm_licence_request_id",
            ["request_id"],
            unique=False,
            postgresql_where=sa.text("request_id IS NOT NULL"),
            sqlite_where=sa.text("request_id IS NOT NULL"),
        )
        batch_op.create_index("ix_zmdm_licence_serial_number", ["serial_number"], unique=False)
        batch_op.create_index(
            "ix_zmdm_licence_todo",
            ["location_asset_id", "todo", "id"],
            unique=False,
            postgresql_where=sa.text("todo IS NOT NULL AND request_id IS NULL"),
            sqlite_where=sa.text("todo IS NOT NULL AND request_id IS NULL"),
        )
        batch_op.create_index(
            "ix_zmdm_licence_untold",
            ["id"],
            unique=False,
            postgresql_where=sa.text("untold"),
            sqlite_where=sa.text("untold"),
        )


def downgrade() -> None:
    with op.batch_alter_table("zmdm_licence", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_zmdm_licence_untold",
            postgresql_where=sa.text("untold"),
            sqlite_where=sa.text("untold"),
        )
        batch_op.drop_index(
            "ix_zmdm_licence_todo",
            postgresql_where=sa.text("todo IS NOT NULL AND request_id IS NULL"),
            sqlite_where=sa.text("todo IS NOT NULL AND request_id IS NULL"),
        )
        batch_op.drop_index("ix_zmdm_licence_serial_number")
        batch_op.drop_index(
            "ix_zmdm_licence_request_id",
            postgresql_where=sa.text("request_id IS NOT NULL"),
            sqlite_where=sa.text("request_id IS NOT NULL"),
        )
        batch_op.drop_index("ix_zmdm_licence_location_asset_id_id")

    op.drop_table("zmdm_licence")
    with op.batch_alter_table("zmdm_licence_request", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_zmdm_licence_request_open",
            postgresql_where=sa.text("finished_at IS NULL"),
            sqlite_where=sa.text("finished_at IS NULL"),
        )
        batch_op.drop_index("ix_zmdm_licence_request_location_asset_id_id")
        batch_op.drop_index(batch_op.f("ix_zmdm_licence_request_finished_at"))

    op.drop_table("zmdm_licence_request")
    with op.batch_alter_table("zmdm_location_notification", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_zmdm_location_notification_received_at"))
        batch_op.drop_index(
            "ix_zmdm_location_notification_fresh",
            postgresql_where=sa.text("processed_at IS NULL"),
            sqlite_where=sa.text("processed_at IS NULL"),
        )

    op.drop_table("zmdm_location_notification")
    with op.batch_alter_table("zmdm_location_asset", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_zmdm_location_asset_stale",
            postgresql_where=sa.text("stale_at IS NOT NULL"),
            sqlite_where=sa.text("stale_at IS NOT NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_zmdm_location_asset_short_at"))
        batch_op.drop_index(batch_op.f("ix_zmdm_location_asset_asset_id"))

    op.drop_table("zmdm_location_asset")
    op.drop_table("zmdm_request_pace")
    with op.batch_alter_table("zmdm_location", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_zmdm_location_server_token_expiration_date"))
        batch_op.drop_index(batch_op.f("ix_zmdm_location_organization_name"))
        batch_op.drop_index("ix_zmdm_location_name_id")

    op.drop_table("zmdm_location")
    with op.batch_alter_table("zmdm_asset", schema=None) as batch_op:
        batch_op.drop_index("ix_zmdm_asset_name_id")
        batch_op.drop_index(batch_op.f("ix_zmdm_asset_metadata_due_at"))
        batch_op.drop_index(batch_op.f("ix_zmdm_asset_bundle_id"))

    op.drop_table("zmdm_asset")
