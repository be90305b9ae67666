"""Sealing and opening of columns, and the versions of a device's secrets.

A version is never deleted: a disk, or a device back from repair, may still need an old one.
"""

from __future__ import annotations

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import Device, DeviceSecret
from zmdm_plugin.models.base import Base, utcnow
from zmdm_plugin.state import state

BOOTSTRAP_TOKEN = "bootstrap_token"
UNLOCK_TOKEN = "unlock_token"


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
    device: Device, kind: str, value: bytes, *, state: str = "confirmed", command: str | None = None
) -> DeviceSecret:
    """Add a version of a device's secret; a confirmed one supersedes those before it."""
    if state == "confirmed":
        supersede(device, kind)
    version = DeviceSecret(device_id=device.id, kind=kind, state=state, command_uuid=command)
    seal(version, "value", value)
    session().add(version)
    return version


def supersede(device: Device, kind: str) -> None:
    """The confirmed version of this kind holds no longer; it stays readable."""
    session().execute(
        sa.update(DeviceSecret)
        .where(
            DeviceSecret.device_id == device.id,
            DeviceSecret.kind == kind,
            DeviceSecret.state == "confirmed",
        )
        .values(state="superseded", superseded_at=utcnow()),
        execution_options={"synchronize_session": False},
    )


def confirm(device_id: int, command_uuid: str) -> None:
    """The device took the command that carries this secret; it supersedes the earlier ones."""
    version = session().scalar(
        sa.select(DeviceSecret).where(
            DeviceSecret.device_id == device_id, DeviceSecret.command_uuid == command_uuid
        )
    )
    if version is None or version.state != "pending":
        return
    session().execute(
        sa.update(DeviceSecret)
        .where(
            DeviceSecret.device_id == device_id,
            DeviceSecret.kind == version.kind,
            DeviceSecret.state == "confirmed",
        )
        .values(state="superseded", superseded_at=utcnow()),
        execution_options={"synchronize_session": False},
    )
    version.state = "confirmed"


def _label(row: Base, column: str) -> str:
    label: str = type(row).__table__.c[column].info["sealed"]
    return label


def _uid(row: Base) -> str:
    uid: str = getattr(row, "uid")  # noqa: B009 - not every Base has one, sealed rows do
    return uid
