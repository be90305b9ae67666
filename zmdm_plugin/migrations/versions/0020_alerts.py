"""Alerts, and the mails that tell of them

Revision: 0019, after 0018
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _alerts()
    _notices()
    dead = sa.text("dead_at IS NOT NULL")
    op.create_index(
        "ix_zmdm_webhook_delivery_dead",
        "zmdm_webhook_delivery",
        ["webhook_id"],
        postgresql_where=dead,
        sqlite_where=dead,
    )


def _alerts() -> None:
    op.create_table(
        "zmdm_alert",
        sa.Column("id", _ID, nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(128), nullable=False),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("level", _ID, nullable=False),
        sa.Column("facts", _JSON, nullable=False),
        sa.Column("opened_at", _MOMENT, nullable=False),
        sa.Column("seen_at", _MOMENT, nullable=False),
        sa.Column("cleared_at", _MOMENT, nullable=True),
        sa.Column("acknowledged_at", _MOMENT, nullable=True),
        sa.Column("acknowledged_by", sa.String(256), nullable=True),
        sa.Column("note", sa.String(500), nullable=True),
        sa.Column("snoozed_until", _MOMENT, nullable=True),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_zmdm_alert"),
        sa.UniqueConstraint("uid", name="uq_zmdm_alert_uid"),
    )
    is_open = sa.text("cleared_at IS NULL")
    op.create_index(
        "uq_zmdm_alert_open",
        "zmdm_alert",
        ["kind", "subject"],
        unique=True,
        postgresql_where=is_open,
        sqlite_where=is_open,
    )
    op.create_index("ix_zmdm_alert_kind", "zmdm_alert", ["kind"])
    op.create_index("ix_zmdm_alert_cleared_at_id", "zmdm_alert", ["cleared_at", "id"])


def _notices() -> None:
    op.create_table(
        "zmdm_alert_notice",
        sa.Column("id", _ID, nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("alert_id", _ID, nullable=False),
        sa.Column("what", sa.String(16), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("facts", _JSON, nullable=False),
        sa.Column("due_at", _MOMENT, nullable=False),
        sa.Column("leased_until", _MOMENT, nullable=True),
        sa.Column("attempts", _ID, nullable=False),
        sa.Column("error", sa.String(500), nullable=True),
        sa.Column("sent_at", _MOMENT, nullable=True),
        sa.Column("dead_at", _MOMENT, nullable=True),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_zmdm_alert_notice"),
        sa.ForeignKeyConstraint(
            ["alert_id"],
            ["zmdm_alert.id"],
            name="fk_zmdm_alert_notice_alert_id",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("uid", name="uq_zmdm_alert_notice_uid"),
    )
    op.create_index("ix_zmdm_alert_notice_alert_id_id", "zmdm_alert_notice", ["alert_id", "id"])
    waits = sa.text("sent_at IS NULL AND dead_at IS NULL")
    op.create_index(
        "ix_zmdm_alert_notice_due",
        "zmdm_alert_notice",
        ["due_at", "id"],
        postgresql_where=waits,
        sqlite_where=waits,
    )


def downgrade() -> None:
    op.drop_index("ix_zmdm_webhook_delivery_dead", "zmdm_webhook_delivery")
    op.drop_table("zmdm_alert_notice")
    op.drop_table("zmdm_alert")
