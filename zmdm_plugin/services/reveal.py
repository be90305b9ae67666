"""Showing a device's secret to somebody: asked for, permitted, counted, and written to the audit.

The entry is flushed here and committed by the edge, which lets the value out only afterwards. What
was shown is replaced after a while where the device's configuration says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from zmdm_plugin.actors import Actor
from zmdm_plugin.errors import NotFound
from zmdm_plugin.models import Channel, Device, DeviceSecret
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access, audit, channels, vault
from zmdm_plugin.services.protection import allowance, health, replacing

VIEW_LOCK_PIN = "mdm.view_device_lock_pin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A secret as people know it; one permission covers all its kinds in the vault."""

    name: str
    title: str
    permission: str
    kinds: tuple[str, ...]
    action: str
    """In the audit."""


_ALL = (
    Secret(
        name="filevault_prk",
        title="FileVault recovery key",
        permission="mdm.view_filevault_prk",
        kinds=(vault.FILEVAULT_PRK,),
        action="device.reveal_filevault_prk",
    ),
    Secret(
        name="recovery_password",
        title="Recovery password",
        permission="mdm.view_recovery_password",
        kinds=(vault.RECOVERY_LOCK, vault.FIRMWARE_PASSWORD),
        action="device.reveal_recovery_password",
    ),
    Secret(
        name="admin_password",
        title="Administrator's password",
        permission="mdm.view_admin_password",
        kinds=(vault.ADMIN_PASSWORD,),
        action="device.reveal_admin_password",
    ),
    Secret(
        name="device_lock_pin",
        title="Lock PIN",
        permission=VIEW_LOCK_PIN,
        kinds=(vault.LOCK_PIN, vault.ERASE_PIN),
        action="device.reveal_lock_pin",
    ),
    Secret(
        name="activation_lock_bypass_code",
        title="Activation Lock bypass code",
        permission="mdm.view_activation_lock_bypass_code",
        kinds=(vault.BYPASS_CODE,),
        action="device.reveal_activation_lock_bypass_code",
    ),
)
SECRETS = {one.name: one for one in _ALL}
_LIVE = ("confirmed", "pending", "superseded")


@dataclass(frozen=True, slots=True, kw_only=True)
class Revealed:
    """A version of a secret: `pending` as long as the device may have it or not, `superseded` by a
    later one, which an old backup may still need."""

    kind: str
    value: str
    state: str
    command_uuid: str | None
    created_at: datetime
    verified_at: datetime | None = None
    rotate_at: datetime | None = None


def find(name: str) -> Secret:
    """The secret of this name; NotFound."""
    if (found := SECRETS.get(name)) is None:
        raise NotFound("there is no such secret")
    return found


def reveal(
    actor: Actor, device: Device, secret: Secret, *, all_versions: bool = False
) -> list[Revealed]:
    """The version in force, then what may be in force by now; or each there ever was.

    Denied; TooMany for somebody who has seen very many within an hour; NotFound says why there is
    nothing. What was shown is in the audit.
    """
    access.demand(actor, secret.permission, device)
    channels.hold(Channel.device_id == device.id)
    rows = vault.versions(device.id, secret.kinds, () if all_versions else _LIVE)
    if not rows:
        raise NotFound(health.why_none(device, secret.name))
    if not all_versions:
        rows = _of_use(rows)
    allowance.take(actor, now=utcnow())
    shown = [_revealed(row) for row in rows]
    commands = ", ".join(filter(None, (one.command_uuid for one in shown)))
    reason = f"commands {commands}" if commands else None
    audit.record(actor, secret.action, device, reason=reason)
    for row in rows:
        row.revealed_at = utcnow()
    replacing.after_reveal(device, rows, now=utcnow())
    return [_with_date(one, row) for one, row in zip(shown, rows, strict=True)]


def lock_pins(actor: Actor, device: Device, *, all_versions: bool = False) -> list[Revealed]:
    """The PIN that a Mac was last locked or erased with, or each it ever had, newest first."""
    return reveal(actor, device, SECRETS["device_lock_pin"], all_versions=all_versions)


def has_any(device: Device, secret: Secret) -> bool:
    """Whether there is one to reveal; says nothing about it."""
    return bool(vault.versions(device.id, secret.kinds, _LIVE, limit=1))


def _of_use(rows: Sequence[DeviceSecret]) -> list[DeviceSecret]:
    """What may open the device now, the surest first; the newest former one if nothing may."""
    if rows[0].kind in (vault.LOCK_PIN, vault.ERASE_PIN):
        return [rows[0]]
    live = [row for row in rows if row.state != "superseded"]
    live.sort(key=lambda row: (row.state != "confirmed", -row.id))
    return live or [rows[0]]


def _revealed(row: DeviceSecret) -> Revealed:
    return Revealed(
        kind=row.kind,
        value=vault.text(row),
        state=row.state,
        command_uuid=row.command_uuid,
        created_at=row.created_at,
        verified_at=row.verified_at,
    )


def _with_date(one: Revealed, row: DeviceSecret) -> Revealed:
    """With the moment of its replacement, which the reveal itself may have set."""
    return Revealed(
        kind=one.kind,
        value=one.value,
        state=one.state,
        command_uuid=one.command_uuid,
        created_at=one.created_at,
        verified_at=one.verified_at,
        rotate_at=row.rotate_at,
    )
