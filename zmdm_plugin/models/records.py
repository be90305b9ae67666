"""What happened: device events, and operators' audit entries."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from zmdm_plugin.models.base import Base


def _of_somebody(column: str) -> sa.Index:
    """Devices write most events, and have no actor: the index holds the others alone."""
    given = sa.text("actor_id IS NOT NULL")
    name = f"ix_zmdm_event_{column}_id"
    return sa.Index(name, column, "id", postgresql_where=given, sqlite_where=given)


class Event(Base):
    """A fact worth knowing, written in the transaction of the fact; never holds a secret."""

    __tablename__ = "zmdm_event"
    __table_args__ = (
        sa.Index("ix_zmdm_event_device_id_id", "device_id", "id"),
        sa.Index("ix_zmdm_event_kind_id", "kind", "id"),
        _of_somebody("actor_id"),
        _of_somebody("actor_label"),
        _of_somebody("request_id"),
        sa.Index(
            "ix_zmdm_event_session_id",
            "session_id",
            postgresql_where=sa.text("session_id IS NOT NULL"),
            sqlite_where=sa.text("session_id IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(64))
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    """Of the payload's shape, as `services/event_kinds` had it when it was written."""
    device_id: Mapped[int | None] = mapped_column(sa.ForeignKey("zmdm_device.id"))
    session_id: Mapped[int | None] = mapped_column(sa.ForeignKey("zmdm_enrollment_session.id"))
    actor_id: Mapped[str | None] = mapped_column(sa.String(128))
    """Who did it, as in the audit; NULL: a device, Apple or this server."""
    actor_label: Mapped[str | None] = mapped_column(sa.String(256))
    request_id: Mapped[str | None] = mapped_column(sa.String(64))
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(index=True)


class AuditEntry(Base):
    """One action of an operator or a program; append-only, values only if declared safe."""

    __tablename__ = "zmdm_audit_entry"
    __table_args__ = (
        sa.Index("ix_zmdm_audit_entry_object", "object_type", "object_id", "id"),
        *(
            sa.Index(f"ix_zmdm_audit_entry_{column}_id", column, "id")
            for column in (
                "actor_id",
                "actor_label",
                "token_id",
                "action",
                "device_id",
                "serial_number",
                "source_ip",
                "created_at",
            )
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]
    actor_id: Mapped[str] = mapped_column(sa.String(128))
    """The person; of a program, the owner of its token."""
    actor_label: Mapped[str] = mapped_column(sa.String(256))
    actor_kind: Mapped[str] = mapped_column(sa.String(16))
    token_id: Mapped[int | None]
    """The API token that was used; no foreign key, for an entry outlives what it names."""
    token_name: Mapped[str | None] = mapped_column(sa.String(128))
    action: Mapped[str] = mapped_column(sa.String(64))
    object_type: Mapped[str] = mapped_column(sa.String(64))
    object_id: Mapped[int | None]
    object_label: Mapped[str | None] = mapped_column(sa.String(256))
    device_id: Mapped[int | None]
    """The device that it is about, also where the object is a command or a channel of it."""
    serial_number: Mapped[str | None] = mapped_column(sa.String(128))
    source_ip: Mapped[str | None] = mapped_column(sa.String(64))
    user_agent: Mapped[str | None] = mapped_column(sa.String(256))
    request_id: Mapped[str | None] = mapped_column(sa.String(64))
    reason: Mapped[str | None] = mapped_column(sa.String(500))
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]


@sa.event.listens_for(AuditEntry, "before_update")
@sa.event.listens_for(AuditEntry, "before_delete")
def _append_only(_mapper: object, _connection: object, _entry: AuditEntry) -> None:
    """What was written down stays as it is."""
    raise RuntimeError("audit entries are never changed")
