"""Orders of people about one device's secrets, beside what its blueprint says."""

from __future__ import annotations

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict, Refused
from zmdm_plugin.models import Channel, ChannelCommand, Device, DeviceSecret
from zmdm_plugin.models.base import new_uid
from zmdm_plugin.services import access, audit, channels, command_queue, devices, vault
from zmdm_plugin.services.protection import passwords, situation, tasks
from zmdm_plugin.services.protection.values import RECOVERY_PASSWORD

_SETS = {
    vault.RECOVERY_LOCK: "SetRecoveryLock",
    vault.FIRMWARE_PASSWORD: "SetFirmwarePassword",
}
_FIELD = "recovery_password"


def set_recovery_password(actor: Actor, device: Device, password: str) -> ChannelCommand:
    """Set a password that somebody chose; it is kept before the Mac can have it.

    It stays until its blueprint's configuration changes, or replaces it by its interval or after a
    reveal. Refused for what cannot be typed at the start screen; Conflict says why it cannot be.
    """
    access.demand(actor, access.CHANGE_SECRETS, device)
    if not passwords.can_be_typed(password):
        raise Refused(_FIELD, passwords.TYPED)
    if device.platform != "macOS" or device.user_enrollment:
        raise Conflict("only Macs that are not enrolled by their user have this")
    if device.apple_silicon is None:
        raise Conflict("the Mac has not said yet which hardware it is")
    channels.hold(Channel.device_id == device.id)
    kind = situation.recovery_kind(device)
    if _is_under_way(device, kind):
        raise Conflict("the Mac has to say first whether it took the change before this one")
    version = new_uid()
    row = command_queue.enqueue(
        devices.channel(device.id), _SETS[kind], {"kind": kind, "version": version}, actor=actor
    )
    _, wanted, _ = situation.wanted(device.blueprint_id)
    vault.keep_version(
        device,
        kind,
        password.encode(),
        state="pending",
        command=row.uid,
        uid=version,
        origin=wanted.digest if wanted else None,
    )
    tasks.tried(device, RECOVERY_PASSWORD)
    audit.record(actor, "device.set_recovery_password", device, reason=f"command {row.uid}")
    return row


def clear_bypass_code(actor: Actor, device: Device) -> ChannelCommand:
    """Have the device forget its Activation Lock bypass code; Refused, Conflict.

    What was fetched stays readable here, as a former one.
    """
    access.demand(actor, access.CHANGE_SECRETS, device)
    name = "ClearActivationLockBypassCode"
    row = command_queue.enqueue(devices.channel(device.id), name, {}, actor=actor)
    reason = f"command {row.uid}"
    audit.record(actor, "device.clear_activation_lock_bypass_code", device, reason=reason)
    return row


def _is_under_way(device: Device, kind: str) -> bool:
    """Whether a version was given out of which nobody knows yet whether it holds."""
    row, command = DeviceSecret, ChannelCommand
    given = sa.or_(command.id.is_(None), command.delivered_at.is_not(None))
    query = (
        sa.select(row.id)
        .outerjoin(command, command.uid == row.command_uuid)
        .where(row.device_id == device.id, row.kind == kind, row.state == "pending", given)
    )
    return session().scalar(query.limit(1)) is not None
