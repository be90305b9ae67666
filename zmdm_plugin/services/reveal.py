"""Showing a device's secret to somebody: asked for, permitted, and written to the audit.

The entry is flushed here and committed by the edge, which lets the value out only afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import undefer

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.errors import NotFound
from zmdm_plugin.models import Device, DeviceSecret
from zmdm_plugin.services import access, audit, vault

VIEW_LOCK_PIN = "mdm.view_device_lock_pin"
LOCK_PIN = ("device_lock_pin", "erase_pin")
"""Kinds that one permission covers: a Mac takes either PIN at its next start."""
_MOST = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Revealed:
    """A version of a secret: `pending` until the device has taken the command that carries it,
    `superseded` by a later one, which an old backup may still need."""

    kind: str
    value: str
    state: str
    command_uuid: str | None
    created_at: datetime


def lock_pins(actor: Actor, device: Device, *, all_versions: bool = False) -> list[Revealed]:
    """The PIN that a Mac was last locked or erased with, or each it ever had, the newest first.

    Denied, or NotFound where there is none; what was shown is in the audit.
    """
    access.demand(actor, VIEW_LOCK_PIN, device)
    rows = _versions(device, LOCK_PIN)[: None if all_versions else 1]
    if not rows:
        raise NotFound("no PIN is kept for this device")
    shown = [_revealed(row) for row in rows]
    commands = ", ".join(filter(None, (one.command_uuid for one in shown)))
    audit.record(actor, "device.reveal_lock_pin", device, reason=f"commands {commands}")
    return shown


def has_lock_pin(device: Device) -> bool:
    """Whether there is one to reveal; says nothing about it."""
    kept = sa.select(DeviceSecret.id).where(
        DeviceSecret.device_id == device.id, DeviceSecret.kind.in_(LOCK_PIN)
    )
    return session().scalar(kept.limit(1)) is not None


def _versions(device: Device, kinds: Sequence[str]) -> Sequence[DeviceSecret]:
    query = sa.select(DeviceSecret).where(
        DeviceSecret.device_id == device.id, DeviceSecret.kind.in_(kinds)
    )
    newest = query.order_by(DeviceSecret.id.desc()).limit(_MOST)
    return session().scalars(newest.options(undefer(DeviceSecret.value))).all()


def _revealed(row: DeviceSecret) -> Revealed:
    value = vault.unseal(row, "value")
    return Revealed(
        kind=row.kind,
        value=(value or b"").decode("utf-8", "replace"),
        state=row.state,
        command_uuid=row.command_uuid,
        created_at=row.created_at,
    )
