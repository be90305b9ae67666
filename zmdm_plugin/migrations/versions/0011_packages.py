"""Packages and where they are kept, apps as artifacts, the same app wherever it is installed

Revision: 0011, after 0010.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "zmdm_stored_file",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", _INT, nullable=False),
        sa.Column("touched_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_zmdm_stored_file")),
    )
    op.create_index(op.f("ix_zmdm_stored_file_touched_at"), "zmdm_stored_file", ["touched_at"])
    op.create_table(
        "zmdm_package",
        sa.Column("id", _INT, nullable=False),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", _INT, nullable=False),
        sa.Column("filename", sa.String(length=256), nullable=True),
        sa.Column("product_id", sa.String(length=256), nullable=False),
        sa.Column("product_version", sa.String(length=256), nullable=False),
        sa.Column("platforms", _JSON, nullable=False),
        sa.Column("bundles", _JSON, nullable=False),
        sa.Column("signer", sa.String(length=256), nullable=True),
        sa.Column("minimum_os", sa.String(length=32), nullable=True),
        sa.Column("facts", _JSON, nullable=False),
        sa.Column("sha256s", _JSON, nullable=False),
        sa.Column("md5s", _JSON, nullable=False),
        sa.Column("source_url", sa.String(length=2048), nullable=True),
        sa.Column("actor_id", sa.String(length=128), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["sha256"], ["zmdm_stored_file.sha256"], name=op.f("fk_zmdm_package_sha256")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zmdm_package")),
        sa.UniqueConstraint("sha256", name=op.f("uq_zmdm_package_sha256")),
        sa.UniqueConstraint("uid", name=op.f("uq_zmdm_package_uid")),
    )
    op.create_index("ix_zmdm_package_product", "zmdm_package", ["product_id", "product_version"])
    op.create_table(
        "zmdm_application",
        sa.Column("id", _INT, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("identifier", sa.String(length=512), nullable=False),
        sa.Column("name", sa.String(length=512), nullable=False),
        sa.Column("version", sa.String(length=128), nullable=False),
        sa.Column("short_version", sa.String(length=128), nullable=False),
        sa.Column("search", sa.String(length=1100), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zmdm_application")),
        sa.UniqueConstraint("digest", name=op.f("uq_zmdm_application_digest")),
    )
    op.create_index(op.f("ix_zmdm_application_identifier"), "zmdm_application", ["identifier"])
    op.create_index(op.f("ix_zmdm_application_name"), "zmdm_application", ["name"])
    with op.batch_alter_table("zmdm_installed_application") as table:
        table.add_column(sa.Column("application_id", _INT, nullable=True))
        table.add_column(sa.Column("managed", sa.String(length=32), nullable=True))
        table.add_column(sa.Column("source", sa.String(length=16), nullable=True))
        table.add_column(sa.Column("seen_at", _TIME, nullable=True))
        table.create_foreign_key(
            op.f("fk_zmdm_installed_application_application_id"),
            "zmdm_application",
            ["application_id"],
            ["id"],
        )
        table.create_index("ix_zmdm_installed_application_where", ["application_id", "channel_id"])
    with op.batch_alter_table("zmdm_artifact_version") as table:
        table.add_column(sa.Column("package_id", _INT, nullable=True))
        table.add_column(sa.Column("location_asset_id", _INT, nullable=True))
        table.create_foreign_key(
            op.f("fk_zmdm_artifact_version_package_id"), "zmdm_package", ["package_id"], ["id"]
        )
        table.create_foreign_key(
            op.f("fk_zmdm_artifact_version_location_asset_id"),
            "zmdm_location_asset",
            ["location_asset_id"],
            ["id"],
        )
        table.create_index(op.f("ix_zmdm_artifact_version_package_id"), ["package_id"])
        table.create_index(
            op.f("ix_zmdm_artifact_version_location_asset_id"), ["location_asset_id"]
        )
    with op.batch_alter_table("zmdm_channel_artifact") as table:
        table.add_column(sa.Column("checks", _INT, nullable=False, server_default="0"))
        table.add_column(sa.Column("check_at", _TIME, nullable=True))
    with op.batch_alter_table("zmdm_blueprint") as table:
        table.add_column(
            sa.Column("apps_via_ddm", sa.Boolean(), nullable=False, server_default=sa.false())
        )


def downgrade() -> None:
    with op.batch_alter_table("zmdm_blueprint") as table:
        table.drop_column("apps_via_ddm")
    with op.batch_alter_table("zmdm_channel_artifact") as table:
        table.drop_column("check_at")
        table.drop_column("checks")
    with op.batch_alter_table("zmdm_artifact_version") as table:
        table.drop_index(op.f("ix_zmdm_artifact_version_location_asset_id"))
        table.drop_index(op.f("ix_zmdm_artifact_version_package_id"))
        table.drop_constraint(
            op.f("fk_zmdm_artifact_version_location_asset_id"), type_="foreignkey"
        )
        table.drop_constraint(op.f("fk_zmdm_artifact_version_package_id"), type_="foreignkey")
        table.drop_column("location_asset_id")
        table.drop_column("package_id")
    with op.batch_alter_table("zmdm_installed_application") as table:
        table.drop_index("ix_zmdm_installed_application_where")
        table.drop_constraint(
            op.f("fk_zmdm_installed_application_application_id"), type_="foreignkey"
        )
        for column in ("seen_at", "source", "managed", "application_id"):
            table.drop_column(column)
    op.drop_table("zmdm_application")
    op.drop_table("zmdm_package")
    op.drop_table("zmdm_stored_file")
