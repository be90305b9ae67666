"""Channels: one conversation with a device, and the one row that a poll writes."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from zmdm_plugin.models.base import Base, Row
from zmdm_plugin.models.devices import Device


class Channel(Row):
    """The device channel or a user channel; commands, tokens, push and last-seen belong here.

    A poll updates `last_seen_at` alone, which no index holds, so that PostgreSQL keeps the update
    on its page (HOT); fillfactor leaves the room for it.
    """

    __tablename__ = "zmdm_channel"
    __table_args__ = (
        sa.UniqueConstraint("device_id", "key"),
        sa.Index(
            "ix_zmdm_channel_push_due",
            "push_bulk",
            "push_due_at",
            postgresql_where=sa.text("push_due_at IS NOT NULL"),
            sqlite_where=sa.text("push_due_at IS NOT NULL"),
        ),
        sa.Index(
            "ix_zmdm_channel_plan_due",
            "plan_due_at",
            postgresql_where=sa.text("plan_due_at IS NOT NULL"),
            sqlite_where=sa.text("plan_due_at IS NOT NULL"),
        ),
        sa.Index(
            "ix_zmdm_channel_awaiting",
            "awaiting_until",
            "id",
            postgresql_where=sa.text("awaiting_since IS NOT NULL"),
            sqlite_where=sa.text("awaiting_since IS NOT NULL"),
        ),
        sa.Index(
            "ix_zmdm_channel_push_dead",
            "device_id",
            postgresql_where=sa.text("push_dead_at IS NOT NULL"),
            sqlite_where=sa.text("push_dead_at IS NOT NULL"),
        ),
        {"postgresql_with": {"fillfactor": 70}},
    )

    device_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_device.id"))
    kind: Mapped[str] = mapped_column(sa.String(8))
    """device | user"""
    key: Mapped[str] = mapped_column(sa.String(300))
    """Which channel of the device: empty for its own, else what `Who.key` says."""
    user_id: Mapped[str | None] = mapped_column(sa.String(128))
    user_short_name: Mapped[str | None] = mapped_column(sa.String(256), index=True)
    user_long_name: Mapped[str | None] = mapped_column(sa.String(256))
    not_on_console: Mapped[bool | None]
    enrolled_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    """Since when nothing is sent here: checkout, block, or a newer enrollment."""

    awaiting_since: Mapped[datetime | None]
    """Since when it waits in Setup Assistant for us, as it says itself; NULL: it does not."""
    awaiting_until: Mapped[datetime | None]
    """The limit: it is let go then, whatever is missing."""
    awaiting_stalled_at: Mapped[datetime | None]
    """When it was said that the limit has passed."""

    last_seen_at: Mapped[datetime | None]
    conversation_at: Mapped[datetime | None]
    """Start of the present conversation, its Idle: what said NotNow since is skipped in it."""
    plan_due_at: Mapped[datetime | None]
    """When the planner has to look here again; NULL: not before something happens."""
    planned_revision: Mapped[int] = mapped_column(default=0)
    """The fleet's revision (`zmdm_revision`) this channel was last planned against."""
    planned_blueprint_revision: Mapped[int] = mapped_column(default=0)
    """The same of its device's blueprint."""

    push_token: Mapped[bytes | None]
    push_magic: Mapped[str | None] = mapped_column(sa.String(128))
    push_token_at: Mapped[datetime | None]
    push_due_at: Mapped[datetime | None]
    """From when on it is to be woken; the value identifies the order to wake."""
    push_bulk: Mapped[bool] = mapped_column(default=False)
    """Part of a bulk, hence under ZMDM_PUSH_RATE."""
    push_leased_until: Mapped[datetime | None]
    push_claimed_at: Mapped[datetime | None]
    """The `push_due_at` that is being pushed now: cleared with it unless a newer order has come."""
    push_attempts: Mapped[int] = mapped_column(default=0)
    pushed_at: Mapped[datetime | None]
    """When the last push that Apple took was claimed: what changed later, it did not tell."""
    push_status: Mapped[int | None]
    push_reason: Mapped[str | None] = mapped_column(sa.String(64))
    push_answered_at: Mapped[datetime | None]
    push_dead_at: Mapped[datetime | None]
    """Apple said 410: no push until a TokenUpdate brings a newer token."""
    push_suspended_certificate_id: Mapped[int | None]
    """Apple refused this token under that certificate: tried again daily, or with another one."""

    device: Mapped[Device] = relationship(lazy="joined", innerjoin=True)


class Revision(Base):
    """A counter that says "something that planners look at has changed"; compared by each poll."""

    __tablename__ = "zmdm_revision"

    name: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    value: Mapped[int] = mapped_column(default=0)
    changed_at: Mapped[datetime | None]
    marked: Mapped[int] = mapped_column(default=0)
    """Up to which value every touched channel was marked to be woken."""
    cursor: Mapped[int] = mapped_column(default=0)
    """The last channel id that the running fan-out has marked."""
