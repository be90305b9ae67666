"""Alerts: conditions that people must hear of, and the mails that tell them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from zmdm_plugin.models.base import Row

_OPEN = sa.text("cleared_at IS NULL")
_WAITS = sa.text("sent_at IS NULL AND dead_at IS NULL")


class Alert(Row):
    """One condition from when it was first seen until it was gone; at most one open at a time.

    What is to be said of it (title, what to do) belongs to its kind: services/alerts/kinds.py.
    """

    __tablename__ = "zmdm_alert"
    __table_args__ = (
        sa.Index(
            "uq_zmdm_alert_open",
            "kind",
            "subject",
            unique=True,
            postgresql_where=_OPEN,
            sqlite_where=_OPEN,
        ),
        sa.Index("ix_zmdm_alert_cleared_at_id", "cleared_at", "id"),
    )

    kind: Mapped[str] = mapped_column(sa.String(64), index=True)
    subject: Mapped[str] = mapped_column(sa.String(128))
    """What it is about, among those of its kind: the id of a row, a name; empty: there is one."""
    name: Mapped[str] = mapped_column(sa.String(256))
    """The same for people."""
    severity: Mapped[str] = mapped_column(sa.String(16))
    """warning | critical"""
    level: Mapped[int] = mapped_column(default=0)
    """How bad it has become: a higher one is told anew, the same one is not."""
    facts: Mapped[dict[str, Any]]
    """Values that its words are made of, as last seen; never a secret."""
    opened_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    """When it was last found to be so."""
    cleared_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]
    """Somebody looks after it: taken back when it gets worse."""
    acknowledged_by: Mapped[str | None] = mapped_column(sa.String(256))
    note: Mapped[str | None] = mapped_column(sa.String(500))
    snoozed_until: Mapped[datetime | None]
    """Nobody is told before; if it is still so then, they are told again."""


class AlertNotice(Row):
    """One mail about an alert, written in the transaction of the change that it tells of.

    Its uid makes the Message-ID, so that a mail that was sent twice is recognised.
    """

    __tablename__ = "zmdm_alert_notice"
    __table_args__ = (
        sa.Index("ix_zmdm_alert_notice_alert_id_id", "alert_id", "id"),
        sa.Index(
            "ix_zmdm_alert_notice_due",
            "due_at",
            "id",
            postgresql_where=_WAITS,
            sqlite_where=_WAITS,
        ),
    )

    alert_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_alert.id", ondelete="CASCADE"))
    what: Mapped[str] = mapped_column(sa.String(16))
    """opened | worse | again (a snooze is over) | cleared"""
    severity: Mapped[str] = mapped_column(sa.String(16))
    facts: Mapped[dict[str, Any]]
    """Those of the moment it tells of."""
    due_at: Mapped[datetime]
    leased_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None] = mapped_column(sa.String(500))
    sent_at: Mapped[datetime | None]
    dead_at: Mapped[datetime | None]
    """Given up; somebody may try it again."""

    alert: Mapped[Alert] = relationship(lazy="raise")
