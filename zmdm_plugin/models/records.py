"""What happened: device events, operators' audit entries, the vault's versions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from zmdm_plugin.models.base import Base, Row, sealed


class Event(Base):
    """A fact worth knowing, written in the transaction of the fact; never holds a secret."""

    __tablename__ = "zmdm_event"
    __table_args__ = (sa.Index("ix_zmdm_event_device_id_id", "device_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(64), index=True)
    device_id: Mapped[int | None] = mapped_column(sa.ForeignKey("zmdm_device.id"))
    session_id: Mapped[int | None] = mapped_column(sa.ForeignKey("zmdm_enrollment_session.id"))
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(index=True)


class AuditEntry(Base):
    """One action of an operator or a program; append-only, values only if declared safe."""

    __tablename__ = "zmdm_audit_entry"
    __table_args__ = (sa.Index("ix_zmdm_audit_entry_object", "object_type", "object_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(index=True)
    actor_id: Mapped[str] = mapped_column(sa.String(128), index=True)
    actor_label: Mapped[str] = mapped_column(sa.String(256))
    actor_kind: Mapped[str] = mapped_column(sa.String(16))
    action: Mapped[str] = mapped_column(sa.String(64), index=True)
    object_type: Mapped[str] = mapped_column(sa.String(64))
    object_id: Mapped[int | None]
    object_label: Mapped[str | None] = mapped_column(sa.String(256))
    serial_number: Mapped[str | None] = mapped_column(sa.String(128), index=True)
    source_ip: Mapped[str | None] = mapped_column(sa.String(64))
    user_agent: Mapped[str | None] = mapped_column(sa.String(256))
    request_id: Mapped[str | None] = mapped_column(sa.String(64))
    reason: Mapped[str | None] = mapped_column(sa.String(500))
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]


class DeviceSecret(Row):
    """A version of a device's secret; superseded ones stay, for a disk may still need them."""

    __tablename__ = "zmdm_device_secret"
    __table_args__ = (sa.Index("ix_zmdm_device_secret_device_id_kind", "device_id", "kind", "id"),)

    device_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_device.id"))
    kind: Mapped[str] = mapped_column(sa.String(32))
    """unlock_token | bootstrap_token | device_lock_pin …"""
    value: Mapped[str | None] = sealed("device_secret.value")
    state: Mapped[str] = mapped_column(sa.String(16))
    """pending | confirmed | superseded"""
    command_uuid: Mapped[str | None] = mapped_column(sa.String(36), index=True)
    superseded_at: Mapped[datetime | None]
