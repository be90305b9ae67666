"""What devices answer about their protection: an answer changes only the version it is about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa

from zmdm_plugin.commands import effects as told
from zmdm_plugin.db import session
from zmdm_plugin.models import Channel, ChannelCommand, Device, DeviceSecret
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol.filevault import IDENTIFIER
from zmdm_plugin.services import events, vault
from zmdm_plugin.services.protection import filevault, situation, tasks
from zmdm_plugin.services.protection.values import (
    FILEVAULT_PROFILE,
    RECOVERY_CHECK,
    RECOVERY_PASSWORD,
)


class Answered(Protocol):
    """The command that was answered."""

    @property
    def uuid(self) -> str: ...


_RECOVERY = frozenset({vault.RECOVERY_LOCK, vault.FIRMWARE_PASSWORD})
_TASK = {
    vault.RECOVERY_LOCK: RECOVERY_PASSWORD,
    vault.FIRMWARE_PASSWORD: RECOVERY_PASSWORD,
    vault.ADMIN_PASSWORD: vault.ADMIN_PASSWORD,
}


def _seen(channel: Channel, command: Answered, effect: told.SecretSeen) -> None:
    device = channel.device
    if effect.kind == vault.FILEVAULT_PRK_UNREAD:
        filevault.seen(device, effect.value, command.uuid)
    elif effect.kind == vault.UNLOCK_TOKEN:
        if vault.take_token(device, effect.kind, effect.value):
            _note(device, "secret.kept", effect.kind)
    else:
        current = vault.newest(device.id, effect.kind, "confirmed")
        if current is None or vault.unseal(current, "value") != effect.value:
            vault.keep_version(device, effect.kind, effect.value, command=command.uuid)
            _note(device, "secret.kept", effect.kind)
        else:
            current.verified_at, current.doubted_at = utcnow(), None
        tasks.done(device, effect.kind)


def _confirmed(channel: Channel, _command: Answered, effect: told.SecretConfirmed) -> None:
    version = _version(channel, effect.version)
    if version is None or version.state == "superseded":
        return
    fresh = version.state != "confirmed"
    vault.confirm_version(version)
    _checked(channel.device, version)
    if fresh:
        _in_force(channel, version)


def _checked(device: Device, version: DeviceSecret) -> None:
    """The device has said whether it holds: that it did not before is over."""
    if version.kind in _RECOVERY:
        tasks.over(device, RECOVERY_CHECK)


def _in_force(channel: Channel, version: DeviceSecret) -> None:
    """A version that was not is in force now."""
    task = tasks.done(channel.device, _TASK[version.kind])
    task.digest = version.origin
    _note(channel.device, "secret.confirmed", version.kind)
    _plan_now(channel)


def _taken(channel: Channel, _command: Answered, effect: told.SecretTaken) -> None:
    version = _version(channel, effect.version)
    if version is not None and version.state in ("pending", "refused"):
        version.state, version.taken_at = "pending", version.taken_at or utcnow()
        _note(channel.device, "secret.waits_for_restart", version.kind)


def _wrong(channel: Channel, _command: Answered, effect: told.SecretWrong) -> None:
    version = _version(channel, effect.version)
    if version is not None:
        vault.refuse(version)
        _checked(channel.device, version)
        _note(channel.device, "secret.wrong", version.kind)
        _plan_now(channel)


def _cleared(channel: Channel, _command: Answered, effect: told.SecretCleared) -> None:
    _forget(channel.device, effect.kind)
    if effect.kind in _RECOVERY:
        tasks.done(channel.device, RECOVERY_PASSWORD).digest = None
    _note(channel.device, "secret.cleared", effect.kind)


def _rotated(channel: Channel, command: Answered, effect: told.RecoveryKeyRotated) -> None:
    if not filevault.rotated(channel.device, effect.envelope, command.uuid):
        _plan_now(channel)


def _done(channel: Channel, _command: Answered, effect: told.ProtectionDone) -> None:
    task = tasks.done(channel.device, effect.task)
    task.digest = effect.digest
    kind = "protection.in_place" if effect.digest else "protection.removed"
    events.record(kind, device=channel.device, task=effect.task)
    _plan_now(channel)


def _failed(channel: Channel, _command: Answered, effect: told.ProtectionFailed) -> None:
    tasks.failed(channel.device, effect.task, effect.why)
    _plan_now(channel)


def learned(channel: Channel, command: Answered) -> None:
    """SecurityInfo has been stored: what it says about passwords is compared with the vault."""
    device = channel.device
    if device.platform != "macOS" or channel.kind != "device":
        return
    kind = situation.recovery_kind(device)
    gone = {
        vault.RECOVERY_LOCK: device.recovery_lock_enabled is False,
        vault.FIRMWARE_PASSWORD: device.firmware_password_set is False
        and not device.firmware_password_pending,
    }[kind]
    live = vault.versions(device.id, [kind], ("pending", "confirmed"))
    if not live:
        return
    if gone:
        _is_gone(device, kind, live, asked=_given(command.uuid))
    elif kind == vault.FIRMWARE_PASSWORD and device.firmware_password_pending:
        for version in live:
            if version.state == "pending":
                version.taken_at = version.taken_at or utcnow()
    _plan_now(channel)


def profiles_seen(channel: Channel, identifiers: frozenset[str]) -> None:
    """Somebody took the FileVault profile off, or a removal that failed has happened after all."""
    device = channel.device
    task = tasks.of(device.id).get(FILEVAULT_PROFILE)
    if channel.kind != "device" or task is None or task.digest is None:
        return
    if IDENTIFIER not in identifiers:
        task.digest = None
        events.record("protection.missing", device=device, task=FILEVAULT_PROFILE)
        _plan_now(channel)


def _is_gone(device: Device, kind: str, live: Sequence[DeviceSecret], *, asked: Any) -> None:
    """The device has no such password: what it got before it was asked does not hold."""
    had = _had(live)
    if not had or (asked is not None and any(at >= asked for at in had.values())):
        return
    _forget(device, kind)
    tasks.ensure(device, RECOVERY_PASSWORD).digest = None
    _note(device, "secret.gone", kind)


def _forget(device: Device, kind: str) -> None:
    """What the device had is over; what it has still to be given is not."""
    vault.supersede(device, kind)
    for version in _had(vault.versions(device.id, [kind], ("pending",))):
        vault.refuse(version)


def _had(live: Sequence[DeviceSecret]) -> dict[DeviceSecret, datetime]:
    """Those that the device may have, with the moment since which: not what waits in its queue."""
    uids = [version.command_uuid for version in live if version.state == "pending"]
    query = sa.select(ChannelCommand.uid, ChannelCommand.delivered_at)
    rows = session().execute(query.where(ChannelCommand.uid.in_(uids)))
    given: dict[str, datetime | None] = {uid: delivered_at for uid, delivered_at in rows}
    since = {
        version: version.confirmed_at or given.get(version.command_uuid or "", version.created_at)
        for version in live
    }
    return {version: at for version, at in since.items() if at is not None}


def _given(command_uuid: str) -> Any:
    query = sa.select(ChannelCommand.delivered_at).where(ChannelCommand.uid == command_uuid)
    return session().scalar(query)


def _version(channel: Channel, uid: str) -> DeviceSecret | None:
    version = vault.find(uid)
    return version if version is not None and version.device_id == channel.device_id else None


def _note(device: Device, kind: str, secret: str) -> None:
    events.record(kind, device=device, secret=secret)


def _plan_now(channel: Channel) -> None:
    """Something may have become due; the conversation goes on with it."""
    channel.plan_due_at = utcnow()


APPLY: dict[type[told.Effect], Callable[[Channel, Answered, Any], None]] = {
    told.SecretSeen: _seen,
    told.SecretConfirmed: _confirmed,
    told.SecretTaken: _taken,
    told.SecretWrong: _wrong,
    told.SecretCleared: _cleared,
    told.RecoveryKeyRotated: _rotated,
    told.ProtectionDone: _done,
    told.ProtectionFailed: _failed,
}
