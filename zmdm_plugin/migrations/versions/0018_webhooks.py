"""Webhooks, and events that are still to be told

Revision: 0018, after 0017
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "zmdm_webhook",
        sa.Column("id", _ID, nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("url", sa.String(2000), nullable=False),
        sa.Column("secret", sa.Text(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("kinds", _JSON, nullable=False),
        sa.Column("tags", _JSON, nullable=False),
        sa.Column("next_try_at", _MOMENT, nullable=True),
        sa.Column("failures", _ID, nullable=False),
        sa.Column("last_error", sa.String(500), nullable=True),
        sa.Column("last_error_at", _MOMENT, nullable=True),
        sa.Column("last_success_at", _MOMENT, nullable=True),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_zmdm_webhook"),
        sa.UniqueConstraint("name", name="uq_zmdm_webhook_name"),
        sa.UniqueConstraint("uid", name="uq_zmdm_webhook_uid"),
    )
    op.create_table(
        "zmdm_webhook_delivery",
        sa.Column("id", _ID, nullable=False),
        sa.Column("webhook_id", _ID, nullable=False),
        sa.Column("event_id", _ID, nullable=False),
        sa.Column("stream", _ID, nullable=False),
        sa.Column("due_at", _MOMENT, nullable=False),
        sa.Column("leased_until", _MOMENT, nullable=True),
        sa.Column("attempts", _ID, nullable=False),
        sa.Column("error", sa.String(500), nullable=True),
        sa.Column("dead_at", _MOMENT, nullable=True),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_zmdm_webhook_delivery"),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["zmdm_webhook.id"], name="fk_zmdm_webhook_delivery_webhook_id"
        ),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["zmdm_event.id"],
            name="fk_zmdm_webhook_delivery_event_id",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint(
            "webhook_id", "event_id", name="uq_zmdm_webhook_delivery_webhook_id_event_id"
        ),
    )
    alive = sa.text("dead_at IS NULL")
    op.create_index(
        "ix_zmdm_webhook_delivery_due",
        "zmdm_webhook_delivery",
        ["due_at", "id"],
        postgresql_where=alive,
        sqlite_where=alive,
    )
    op.create_index(
        "ix_zmdm_webhook_delivery_order",
        "zmdm_webhook_delivery",
        ["webhook_id", "stream", "id"],
    )
    op.create_index("ix_zmdm_webhook_delivery_event", "zmdm_webhook_delivery", ["event_id"])


def downgrade() -> None:
    op.drop_table("zmdm_webhook_delivery")
    op.drop_table("zmdm_webhook")
