"""Sealing and opening of columns, and the versions of a device's secrets.

A version is never deleted nor overwritten: a disk, or a device back from repair, may still need an
old one. It is *pending* while the device may have it or not, *confirmed* once the device said so,
*superseded* by a later one, *refused* if the device said that it does not have it. An answer
changes only the version that it is about, and those before it.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import undefer

from zmdm_plugin.db import session
from zmdm_plugin.models import ChannelCommand, Device, DeviceSecret
from zmdm_plugin.models.base import Base, new_uid, utcnow
from zmdm_plugin.state import state

BOOTSTRAP_TOKEN = "bootstrap_token"
UNLOCK_TOKEN = "unlock_token"
FILEVAULT_PRK = "filevault_prk"
FILEVAULT_PRK_UNREAD = "filevault_prk_cms"
"""A recovery key that is encrypted to a certificate whose key is not here."""
RECOVERY_LOCK = "recovery_lock"
FIRMWARE_PASSWORD = "firmware_password"
ADMIN_PASSWORD = "admin_password"
LOCK_PIN = "device_lock_pin"
ERASE_PIN = "erase_pin"
BYPASS_CODE = "activation_lock_bypass_code"
KINDS = (
    *(BOOTSTRAP_TOKEN, UNLOCK_TOKEN, FILEVAULT_PRK, FILEVAULT_PRK_UNREAD, RECOVERY_LOCK),
    *(FIRMWARE_PASSWORD, ADMIN_PASSWORD, LOCK_PIN, ERASE_PIN, BYPASS_CODE),
)
_BINARY = frozenset({BOOTSTRAP_TOKEN, UNLOCK_TOKEN, FILEVAULT_PRK_UNREAD})

_S = DeviceSecret


def seal(row: Base, column: str, value: bytes | None) -> None:
    """Put a value into a sealed column, or empty it with None."""
    sealed = None
    if value is not None:
        sealed = state().box.seal(value, label=_label(row, column), uid=_uid(row))
    setattr(row, column, sealed)


def unseal(row: Base, column: str) -> bytes | None:
    """The value of a sealed column; SealError (503) when no key opens it."""
    sealed: str | None = getattr(row, column)
    if sealed is None:
        return None
    return state().box.open(sealed, label=_label(row, column), uid=_uid(row))


def keep_version(
    device: Device,
    kind: str,
    value: bytes,
    *,
    state: str = "confirmed",
    command: str | None = None,
    uid: str | None = None,
    origin: str | None = None,
) -> DeviceSecret:
    """Add a version of a device's secret; a confirmed one supersedes those before it.

    `command` is the UUID of the command that carries it; an answer to that one confirms it.
    """
    version = DeviceSecret(
        uid=uid or new_uid(),
        device_id=device.id,
        kind=kind,
        state="pending",
        command_uuid=command,
        origin=origin,
    )
    seal(version, "value", value)
    session().add(version)
    session().flush()
    if state == "confirmed":
        confirm_version(version)
    return version


def take_token(device: Device, kind: str, value: bytes) -> bool:
    """A token that the device itself gave us: it is in force, and needed at hand. The same one
    again adds no version, which is False."""
    if unseal(device, kind) == value:
        return False
    seal(device, kind, value)
    setattr(device, f"{kind}_escrowed", True)
    keep_version(device, kind, value)
    return True


def drop_token(device: Device, kind: str) -> None:
    """It holds no longer; its versions stay."""
    seal(device, kind, None)
    setattr(device, f"{kind}_escrowed", False)
    supersede(device, kind)


def supersede(device: Device, kind: str) -> None:
    """The confirmed version of this kind holds no longer; it stays readable."""
    _supersede(device.id, kind, _S.state == "confirmed")


def confirm(device_id: int, command_uuid: str) -> None:
    """The device took the command that carries this secret; it supersedes the earlier ones."""
    version = session().scalar(
        sa.select(_S).where(_S.device_id == device_id, _S.command_uuid == command_uuid)
    )
    if version is not None and version.state == "pending":
        confirm_version(version)


def confirm_version(version: DeviceSecret) -> None:
    """It is in force. What was pending before it is not, and neither is what was confirmed."""
    if version.state == "superseded":
        return
    earlier = sa.and_(_S.id < version.id, _S.state == "pending")
    confirmed = sa.and_(_S.id != version.id, _S.state == "confirmed")
    _supersede(version.device_id, version.kind, sa.or_(earlier, confirmed))
    now = utcnow()
    version.state, version.confirmed_at = "confirmed", version.confirmed_at or now
    version.verified_at, version.doubted_at = now, None


def refuse(version: DeviceSecret) -> None:
    """The device does not have it: a pending one never was in force; a confirmed one is doubted."""
    if version.state == "pending":
        version.state = "refused"
    elif version.state == "confirmed":
        version.doubted_at = version.doubted_at or utcnow()


def deny(device_id: int, command_uuid: str) -> None:
    """The device did not take the command that carries this secret."""
    version = session().scalar(
        sa.select(_S).where(_S.device_id == device_id, _S.command_uuid == command_uuid)
    )
    if version is not None and version.state == "pending":
        refuse(version)


def refuse_undelivered(device_id: int, kinds: Iterable[str]) -> None:
    """What a command carries that ended before any device got it is not pending any more."""
    command = ChannelCommand
    ended = sa.select(command.uid).where(
        command.device_id == device_id,
        command.finished_at.is_not(None),
        command.delivered_at.is_(None),
    )
    session().execute(
        sa.update(_S)
        .where(
            _S.device_id == device_id,
            _S.kind.in_(list(kinds)),
            _S.state == "pending",
            _S.command_uuid.in_(ended),
        )
        .values(state="refused"),
        execution_options={"synchronize_session": "fetch"},
    )


def find(uid: str) -> DeviceSecret | None:
    """A version by its uid, whatever its state."""
    return session().scalar(sa.select(_S).where(_S.uid == uid))


def newest(device_id: int, kind: str, *states: str) -> DeviceSecret | None:
    """The newest version of a kind that is in one of these states (any, if none is named)."""
    return next(iter(versions(device_id, [kind], states, limit=1)), None)


def versions(
    device_id: int, kinds: Iterable[str], states: Sequence[str] = (), *, limit: int = 50
) -> Sequence[DeviceSecret]:
    """Versions of some kinds, the newest first."""
    query = sa.select(_S).where(_S.device_id == device_id, _S.kind.in_(list(kinds)))
    if states:
        query = query.where(_S.state.in_(states))
    newest_first = query.order_by(_S.id.desc()).limit(limit)
    return session().scalars(newest_first.options(undefer(_S.value))).all()


def text(version: DeviceSecret) -> str:
    """What a version holds, as people type it; base64 where nobody does."""
    value = unseal(version, "value") or b""
    if version.kind in _BINARY:
        return b64encode(value).decode("ascii")
    return value.decode("utf-8", "replace")


def _supersede(device_id: int, kind: str, which: sa.ColumnElement[bool]) -> None:
    now: datetime = utcnow()
    values: dict[str, Any] = {"state": "superseded", "superseded_at": now, "rotate_at": None}
    session().execute(
        sa.update(_S).where(_S.device_id == device_id, _S.kind == kind, which).values(values),
        execution_options={"synchronize_session": "fetch"},
    )


def _label(row: Base, column: str) -> str:
    label: str = type(row).__table__.c[column].info["sealed"]
    return label


def _uid(row: Base) -> str:
    uid: str = getattr(row, "uid")  # noqa: B009 - not every Base has one, sealed rows do
    return uid
