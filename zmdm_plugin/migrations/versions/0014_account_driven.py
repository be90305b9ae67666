"""Account-driven enrollment: what such an enrollment says, and access tokens

Revision: 0014, after 0013.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_SETTINGS, _TOKEN = "zmdm_account_settings", "zmdm_access_token"
_INDEXED = ("enrollment_id", "session_id", "realm_user_id", "expires_at")


def _big() -> sa.types.TypeEngine:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _json(name: str) -> sa.Column:
    kind = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
    return sa.Column(name, kind, nullable=False)


def _moment(name: str, *, nullable: bool = True) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _reference(table: str, column: str, other: str, **options: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name, **options)


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
    _row(
        _SETTINGS,
        sa.Column("enrollment_id", _big(), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        _json("domains"),
        _json("model_families"),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("managed_account", sa.String(length=256), nullable=False),
        sa.Column("reauthenticate_days", _big(), nullable=True),
        _reference(_SETTINGS, "enrollment_id", "zmdm_enrollment", ondelete="CASCADE"),
        sa.UniqueConstraint("enrollment_id", name=op.f(f"uq_{_SETTINGS}_enrollment_id")),
    )
    _row(
        _TOKEN,
        sa.Column("enrollment_id", _big(), nullable=False),
        sa.Column("session_id", _big(), nullable=True),
        sa.Column("realm_user_id", _big(), nullable=False),
        sa.Column("managed_account", sa.String(length=256), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        _moment("expires_at"),
        _moment("asked_at"),
        _reference(_TOKEN, "enrollment_id", "zmdm_enrollment", ondelete="CASCADE"),
        _reference(_TOKEN, "session_id", "zmdm_enrollment_session"),
        _reference(_TOKEN, "realm_user_id", "zmdm_realm_user"),
        sa.UniqueConstraint("token_hash", name=op.f(f"uq_{_TOKEN}_token_hash")),
    )
    for column in _INDEXED:
        op.create_index(op.f(f"ix_{_TOKEN}_{column}"), _TOKEN, [column])


def downgrade() -> None:
    op.drop_table(_TOKEN)
    op.drop_table(_SETTINGS)
