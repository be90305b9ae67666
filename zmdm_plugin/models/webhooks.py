"""Webhooks: who is told of events, and what is still to be told."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from zmdm_plugin.models.base import Base, Row, sealed
from zmdm_plugin.models.records import Event


class Webhook(Row):
    """An address that events are sent to, signed with a secret that both sides know."""

    __tablename__ = "zmdm_webhook"

    name: Mapped[str] = mapped_column(sa.String(128), unique=True)
    url: Mapped[str] = mapped_column(sa.String(2000))
    secret: Mapped[str | None] = sealed("webhook.secret")
    enabled: Mapped[bool] = mapped_column(default=True)
    kinds: Mapped[list[str]]
    """Kinds of events, or patterns like `device.*`; empty: all."""
    tags: Mapped[list[str]]
    """Names of tags: only events of devices that have one of them; empty: all events."""
    next_try_at: Mapped[datetime | None]
    """The address does not answer: nothing is sent before."""
    failures: Mapped[int] = mapped_column(default=0)
    """How often in a row it did not."""
    last_error: Mapped[str | None] = mapped_column(sa.String(500))
    last_error_at: Mapped[datetime | None]
    last_success_at: Mapped[datetime | None]


_HELD = "dead_at IS NULL AND (attempts > 0 OR leased_until IS NOT NULL)"
"""What may hold back the later ones of its stream."""


class WebhookDelivery(Base):
    """One event for one webhook, written in the transaction of the event; gone once delivered."""

    __tablename__ = "zmdm_webhook_delivery"
    __table_args__ = (
        sa.UniqueConstraint("webhook_id", "event_id"),
        sa.Index(
            "ix_zmdm_webhook_delivery_next",
            "webhook_id",
            "id",
            postgresql_where=sa.text("dead_at IS NULL"),
            sqlite_where=sa.text("dead_at IS NULL"),
        ),
        sa.Index(
            "ix_zmdm_webhook_delivery_held",
            "webhook_id",
            "stream",
            "id",
            postgresql_where=sa.text(_HELD),
            sqlite_where=sa.text(_HELD),
        ),
        sa.Index("ix_zmdm_webhook_delivery_event", "event_id"),
        sa.Index(
            "ix_zmdm_webhook_delivery_dead",
            "webhook_id",
            postgresql_where=sa.text("dead_at IS NOT NULL"),
            sqlite_where=sa.text("dead_at IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    webhook_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_webhook.id"))
    event_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_event.id", ondelete="CASCADE"))
    stream: Mapped[int]
    """What belongs together is told in order: the device's id, or a negative number."""
    due_at: Mapped[datetime]
    leased_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None] = mapped_column(sa.String(500))
    dead_at: Mapped[datetime | None]
    """Given up; somebody may replay it."""
    created_at: Mapped[datetime]

    event: Mapped[Event] = relationship(lazy="raise")
