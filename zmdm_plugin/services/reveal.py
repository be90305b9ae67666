"""Showing a device's secret to somebody: asked for, permitted, counted, and written to the audit.

The entry is flushed here and committed by the edge, which lets the value out only afterwards. What
was shown is replaced after a while where the device's configuration says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from zmdm_plugin.actors import Actor
from zmdm_plugin.errors import NotFound
from zmdm_plugin.models import Channel, Device, DeviceSecret
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access, audit, channels, events, vault
from zmdm_plugin.services.protection import allowance, health, replacing


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret as people know it; one permission covers all its kinds in the vault."""

    name: str
    title: str
    kinds: tuple[str, ...]

    @property
    def permission(self) -> str:
        """That it takes to see it."""
        return f"mdm.view_{self.name}"

    @property
    def action(self) -> str:
        """In the audit, where every action on a device says so."""
        return f"device.reveal_{self.name.removeprefix('device_')}"


_LOCK_PIN = Secret("device_lock_pin", "Lock PIN", (vault.LOCK_PIN, vault.ERASE_PIN))
VIEW_LOCK_PIN = _LOCK_PIN.permission
_RECOVERY = (vault.RECOVERY_LOCK, vault.FIRMWARE_PASSWORD)
_ALL = (
    Secret("filevault_prk", "FileVault recovery key", (vault.FILEVAULT_PRK,)),
    Secret("recovery_password", "Recovery password", _RECOVERY),
    Secret("admin_password", "Administrator's password", (vault.ADMIN_PASSWORD,)),
    _LOCK_PIN,
    Secret("activation_lock_bypass_code", "Activation Lock bypass code", (vault.BYPASS_CODE,)),
    Secret("unlock_token", "Unlock token", (vault.UNLOCK_TOKEN,)),
    Secret("bootstrap_token", "Bootstrap token", (vault.BOOTSTRAP_TOKEN,)),
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
    vault.refuse_undelivered(device.id, secret.kinds)
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
    events.record("secret.viewed", device=device, secret=secret.name)
    for row in rows:
        row.revealed_at = utcnow()
    replacing.after_reveal(device, rows, now=utcnow())
    # The reveal itself may have set when each is replaced.
    return [replace(one, rotate_at=row.rotate_at) for one, row in zip(shown, rows, strict=True)]


def lock_pins(actor: Actor, device: Device, *, all_versions: bool = False) -> list[Revealed]:
    """The PINs that may open a Mac that was locked or erased; or each it ever had, newest first."""
    return reveal(actor, device, _LOCK_PIN, all_versions=all_versions)


def has_any(device: Device, secret: Secret) -> bool:
    """Whether there is one to reveal; says nothing about it."""
    return bool(vault.versions(device.id, secret.kinds, _LIVE, limit=1))


def _of_use(rows: Sequence[DeviceSecret]) -> list[DeviceSecret]:
    """What may open the device now, the surest first; the newest former one if nothing may.

    A locked Mac that was ordered to lock once more has its first PIN as long as it is locked.
    """
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
