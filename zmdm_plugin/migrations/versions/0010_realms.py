"""Realms, their people and sign-ins; who signed in for an enrollment

Revision: 0010, after 0009.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "zmdm_realm",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("backend", sa.String(length=16), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column(
            "config",
            sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
            nullable=False,
        ),
        sa.Column("secret", sa.Text(), nullable=True),
        sa.Column(
            "claim_mapping",
            sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
            nullable=False,
        ),
        sa.Column("succeeded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.String(length=500), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zmdm_realm")),
        sa.UniqueConstraint("name", name=op.f("uq_zmdm_realm_name")),
        sa.UniqueConstraint("uid", name=op.f("uq_zmdm_realm_uid")),
    )
    op.create_table(
        "zmdm_realm_user",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("realm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("subject", sa.String(length=256), nullable=True),
        sa.Column("username", sa.String(length=256), nullable=False),
        sa.Column("email", sa.String(length=256), nullable=True),
        sa.Column("first_name", sa.String(length=256), nullable=True),
        sa.Column("last_name", sa.String(length=256), nullable=True),
        sa.Column("full_name", sa.String(length=256), nullable=True),
        sa.Column("custom_attr_1", sa.String(length=256), nullable=True),
        sa.Column("custom_attr_2", sa.String(length=256), nullable=True),
        sa.Column(
            "claims",
            sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
            nullable=True,
        ),
        sa.Column("password_hash", sa.String(length=256), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_signed_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["realm_id"], ["zmdm_realm.id"], name=op.f("fk_zmdm_realm_user_realm_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zmdm_realm_user")),
        sa.UniqueConstraint(
            "realm_id", "subject", name=op.f("uq_zmdm_realm_user_realm_id_subject")
        ),
        sa.UniqueConstraint(
            "realm_id", "username", name=op.f("uq_zmdm_realm_user_realm_id_username")
        ),
        sa.UniqueConstraint("uid", name=op.f("uq_zmdm_realm_user_uid")),
    )
    with op.batch_alter_table("zmdm_realm_user", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_zmdm_realm_user_email"), ["email"], unique=False)
        batch_op.create_index(
            "ix_zmdm_realm_user_last_signed_in_at_id", ["last_signed_in_at", "id"], unique=False
        )
        batch_op.create_index("ix_zmdm_realm_user_username_id", ["username", "id"], unique=False)

    op.create_table(
        "zmdm_sign_in_attempt",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("realm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_hash", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["realm_id"], ["zmdm_realm.id"], name=op.f("fk_zmdm_sign_in_attempt_realm_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zmdm_sign_in_attempt")),
        sa.UniqueConstraint("uid", name=op.f("uq_zmdm_sign_in_attempt_uid")),
    )
    with op.batch_alter_table("zmdm_sign_in_attempt", schema=None) as batch_op:
        batch_op.create_index(
            "ix_zmdm_sign_in_attempt_account",
            ["realm_id", "account_hash", "created_at"],
            unique=False,
        )
        batch_op.create_index(
            "ix_zmdm_sign_in_attempt_address", ["address", "created_at"], unique=False
        )
        batch_op.create_index("ix_zmdm_sign_in_attempt_created_at", ["created_at"], unique=False)

    op.create_table(
        "zmdm_sign_in",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("realm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("then", sa.String(length=500), nullable=False),
        sa.Column(
            "data",
            sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
            nullable=False,
        ),
        sa.Column("optional", sa.Boolean(), nullable=False),
        sa.Column("ticket_hash", sa.String(length=64), nullable=False),
        sa.Column("browser_hash", sa.String(length=64), nullable=True),
        sa.Column("state_hash", sa.String(length=64), nullable=True),
        sa.Column("flow", sa.Text(), nullable=True),
        sa.Column("handle_hash", sa.String(length=64), nullable=True),
        sa.Column(
            "realm_user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["realm_id"], ["zmdm_realm.id"], name=op.f("fk_zmdm_sign_in_realm_id")
        ),
        sa.ForeignKeyConstraint(
            ["realm_user_id"], ["zmdm_realm_user.id"], name=op.f("fk_zmdm_sign_in_realm_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zmdm_sign_in")),
        sa.UniqueConstraint("handle_hash", name=op.f("uq_zmdm_sign_in_handle_hash")),
        sa.UniqueConstraint("state_hash", name=op.f("uq_zmdm_sign_in_state_hash")),
        sa.UniqueConstraint("ticket_hash", name=op.f("uq_zmdm_sign_in_ticket_hash")),
        sa.UniqueConstraint("uid", name=op.f("uq_zmdm_sign_in_uid")),
    )
    with op.batch_alter_table("zmdm_sign_in", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_zmdm_sign_in_expires_at"), ["expires_at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_zmdm_sign_in_realm_id"), ["realm_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_zmdm_sign_in_realm_user_id"), ["realm_user_id"], unique=False
        )

    op.add_column(
        "zmdm_device",
        sa.Column(
            "realm_user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
    )
    op.create_index("ix_zmdm_device_realm_user_id", "zmdm_device", ["realm_user_id"])

    with op.batch_alter_table("zmdm_enrollment", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "realm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
            )
        )
        batch_op.add_column(
            sa.Column("realm_required", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        batch_op.create_index(batch_op.f("ix_zmdm_enrollment_realm_id"), ["realm_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_zmdm_enrollment_realm_id"), "zmdm_realm", ["realm_id"], ["id"]
        )

    with op.batch_alter_table("zmdm_enrollment_session", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "realm_user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
            )
        )
        batch_op.create_index(
            batch_op.f("ix_zmdm_enrollment_session_realm_user_id"), ["realm_user_id"], unique=False
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_zmdm_enrollment_session_realm_user_id"),
            "zmdm_realm_user",
            ["realm_user_id"],
            ["id"],
        )


def downgrade() -> None:
    with op.batch_alter_table("zmdm_enrollment_session", schema=None) as batch_op:
        batch_op.drop_constraint(
            batch_op.f("fk_zmdm_enrollment_session_realm_user_id"), type_="foreignkey"
        )
        batch_op.drop_index(batch_op.f("ix_zmdm_enrollment_session_realm_user_id"))
        batch_op.drop_column("realm_user_id")

    with op.batch_alter_table("zmdm_enrollment", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_zmdm_enrollment_realm_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_zmdm_enrollment_realm_id"))
        batch_op.drop_column("realm_required")
        batch_op.drop_column("realm_id")

    op.drop_index("ix_zmdm_device_realm_user_id", "zmdm_device")
    op.drop_column("zmdm_device", "realm_user_id")

    with op.batch_alter_table("zmdm_sign_in", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_zmdm_sign_in_realm_user_id"))
        batch_op.drop_index(batch_op.f("ix_zmdm_sign_in_realm_id"))
        batch_op.drop_index(batch_op.f("ix_zmdm_sign_in_expires_at"))

    op.drop_table("zmdm_sign_in")
    with op.batch_alter_table("zmdm_sign_in_attempt", schema=None) as batch_op:
        batch_op.drop_index("ix_zmdm_sign_in_attempt_created_at")
        batch_op.drop_index("ix_zmdm_sign_in_attempt_address")
        batch_op.drop_index("ix_zmdm_sign_in_attempt_account")

    op.drop_table("zmdm_sign_in_attempt")
    with op.batch_alter_table("zmdm_realm_user", schema=None) as batch_op:
        batch_op.drop_index("ix_zmdm_realm_user_username_id")
        batch_op.drop_index("ix_zmdm_realm_user_last_signed_in_at_id")
        batch_op.drop_index(batch_op.f("ix_zmdm_realm_user_email"))

    op.drop_table("zmdm_realm_user")
    op.drop_table("zmdm_realm")
