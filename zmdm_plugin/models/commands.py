"""Commands queued on a channel, and what was answered."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, synonym

from zmdm_plugin.models.base import Base, Row, sealed

OUTSTANDING = ("queued", "delivered", "not_now")
FINAL = ("acknowledged", "error", "expired", "cancelled", "superseded", "unknown")


class ChannelCommand(Row):
    """One order to one channel: arguments when queued, a payload only at delivery.

    States: queued -> delivered -> acknowledged | error; delivered -> not_now -> delivered …;
    cancelled, expired, superseded, unknown (a delivered lock, erase, restart that never answered).
    The order is (lane, id): a sequence, never a time.
    """

    __tablename__ = "zmdm_command"
    __table_args__ = (
        sa.Index(
            "ix_zmdm_command_outstanding",
            "channel_id",
            "lane",
            "id",
            postgresql_where=sa.text("finished_at IS NULL"),
            sqlite_where=sa.text("finished_at IS NULL"),
        ),
        sa.Index(
            "ix_zmdm_command_waiting_state",
            "state",
            postgresql_where=sa.text("finished_at IS NULL"),
            sqlite_where=sa.text("finished_at IS NULL"),
        ),
        sa.Index("ix_zmdm_command_channel_id_id", "channel_id", "id"),
        sa.Index("ix_zmdm_command_device_id_id", "device_id", "id"),
        sa.Index(
            "ix_zmdm_command_failed",
            "state",
            "id",
            postgresql_where=sa.text("state IN ('error', 'expired', 'unknown')"),
            sqlite_where=sa.text("state IN ('error', 'expired', 'unknown')"),
        ),
        sa.Index(
            "ix_zmdm_command_finished_at",
            "finished_at",
            postgresql_where=sa.text("finished_at IS NOT NULL"),
            sqlite_where=sa.text("finished_at IS NOT NULL"),
        ),
        sa.Index(
            "ix_zmdm_command_deadline",
            "not_before",
            postgresql_where=sa.text("finished_at IS NULL AND not_before IS NOT NULL"),
            sqlite_where=sa.text("finished_at IS NULL AND not_before IS NOT NULL"),
        ),
    )

    uuid: Mapped[str] = synonym("uid")
    """The CommandUUID on the wire: the row's own uid."""
    channel_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_channel.id"))
    device_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_device.id"))
    name: Mapped[str] = mapped_column(sa.String(128))
    """The registry's name: the RequestType, but for orders of ours that borrow one."""
    request_type: Mapped[str] = mapped_column(sa.String(128))
    """On the wire."""
    args: Mapped[dict[str, Any]]
    """Without the secret ones."""
    secret_args: Mapped[str | None] = sealed("command.secret_args")
    """JSON of the secret arguments."""
    lane: Mapped[int] = mapped_column(default=1)
    """0 the fast lane (lock, erase), 1 the others."""
    once_key: Mapped[str | None] = mapped_column(sa.String(300))
    """What it is about: a newer command with the same key replaces it."""
    repeatable: Mapped[bool] = mapped_column(default=True)
    """False: delivered and unanswered it is "unknown", and only a person sends it again."""
    state: Mapped[str] = mapped_column(sa.String(16))
    not_before: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    delivery_count: Mapped[int] = mapped_column(default=0)
    not_now_at: Mapped[datetime | None]
    """First NotNow."""
    last_not_now_at: Mapped[datetime | None]
    not_now_count: Mapped[int] = mapped_column(default=0)
    answered_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    """Set in every final state: outstanding means NULL."""
    status: Mapped[str | None] = mapped_column(sa.String(32))
    """The device's own word."""
    error_chain: Mapped[list[Any] | None]
    result: Mapped[str | None] = sealed("command.result")
    """The answer as it came (zlib), sealed: nobody has looked for secrets in it."""
    unreadable: Mapped[bool] = mapped_column(default=False)
    """We could not interpret the answer, but have it."""
    failure: Mapped[str | None] = mapped_column(sa.String(500))
    """Why we ended it ourselves (cancelled, superseded, could not be rendered), in words."""
    actor_id: Mapped[str | None] = mapped_column(sa.String(128))
    actor_label: Mapped[str | None] = mapped_column(sa.String(256))
    planned_by: Mapped[str | None] = mapped_column(sa.String(64))
    """Which planner ordered it; NULL: a person or a program."""


class RawAnswer(Base):
    """An authenticated message that we could not read or place: kept, marked, answered 200."""

    __tablename__ = "zmdm_raw_answer"

    id: Mapped[int] = mapped_column(primary_key=True)
    device_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_device.id"), index=True)
    channel_id: Mapped[int | None] = mapped_column(sa.ForeignKey("zmdm_channel.id"), index=True)
    command_uuid: Mapped[str | None] = mapped_column(sa.String(128))
    reason: Mapped[str] = mapped_column(sa.String(256))
    body: Mapped[str | None] = sealed("raw_answer.body")
    """Sealed, for nobody has looked for secrets in it."""
    uid: Mapped[str] = mapped_column(sa.String(36), unique=True)
    created_at: Mapped[datetime] = mapped_column(index=True)
