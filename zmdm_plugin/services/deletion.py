"""Deleting a device: its row and all that hangs on it are gone; what the audit says of it stays.

Not for what may come back: a deleted device that comes by is a stranger, is answered 400 and never
told to leave. The job deletes in slices, the history first, so that no transaction holds much.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict, Refused
from zmdm_plugin.models import (
    AccessToken,
    AdvertisedUpdate,
    Channel,
    ChannelArtifact,
    ChannelCommand,
    ChannelDeclarations,
    Device,
    DeviceSecret,
    DeviceTag,
    DeviceUpdate,
    EnrollmentSession,
    EscrowKey,
    Event,
    Identity,
    InstalledApplication,
    InstalledCertificate,
    InstalledProfile,
    IssuedCertificate,
    ProtectionTask,
    RawAnswer,
    UnboundIdentity,
)
from zmdm_plugin.models.base import Base
from zmdm_plugin.services import archive, events, vault
from zmdm_plugin.services.apps_books import reclaim

CHUNK = 2000
"""Rows of one slice."""
Models = tuple[type[Base], ...]
_CHANNEL: Models = (
    *(InstalledApplication, InstalledCertificate, InstalledProfile),
    *(ChannelArtifact, ChannelDeclarations),
)
_DEVICE: Models = (
    *(ChannelCommand, RawAnswer, Event, DeviceSecret, EscrowKey, ProtectionTask),
    *(AdvertisedUpdate, DeviceUpdate, DeviceTag, UnboundIdentity, Identity),
)
_SESSION: Models = (AccessToken, UnboundIdentity)
_LAST: Models = (Channel, EnrollmentSession)
_KEEPS_WITHOUT_SESSION: Models = (Event, Identity, IssuedCertificate)
"""That we issued a certificate is remembered: one that nobody remembers is taken for lost."""
WORTH_KEEPING = (
    *(vault.FILEVAULT_PRK, vault.FILEVAULT_PRK_UNREAD, vault.RECOVERY_LOCK),
    *(vault.FIRMWARE_PASSWORD, vault.ADMIN_PASSWORD, vault.LOCK_PIN, vault.ERASE_PIN),
    *(vault.BYPASS_CODE,),
)
"""Secrets that open the device, or its disk, and that perhaps nobody else has."""


def useful_secrets(device: Device) -> Sequence[str]:
    """The kinds of secrets of this device that may still be in force on it."""
    kinds = (
        sa.select(DeviceSecret.kind)
        .where(
            DeviceSecret.device_id == device.id,
            DeviceSecret.kind.in_(WORTH_KEEPING),
            DeviceSecret.state.in_(("pending", "confirmed")),
        )
        .distinct()
    )
    return sorted(session().scalars(kinds), key=vault.KINDS.index)


def named(device: Device) -> str:
    """What has to be typed before it is deleted."""
    return device.serial_number or device.udid or device.enrollment_uid or str(device.id)


def confirm(device: Device, typed: str) -> None:
    """Refused unless this names the very device."""
    if typed.strip().upper() != named(device).upper():
        raise Refused("serial_number", f"type {named(device)}, so that the right one is deleted")


def check(device: Device, *, despite_secrets: bool) -> None:
    """Conflict or Refused, with what to do, unless the device may be deleted."""
    archive.unless_in_use(device)
    if device.blocked_at is not None:
        raise Conflict("the device is blocked, which would be forgotten: unblock it first")
    if not despite_secrets and (kinds := useful_secrets(device)):
        words = ", ".join(kind.replace("_", " ") for kind in kinds)
        raise Refused("despite_secrets", f"we hold secrets that may still open it: {words}")


def some(device: Device, *, despite_secrets: bool) -> bool:
    """Delete a slice of a device that the caller holds; True once it is gone altogether."""
    check(device, despite_secrets=despite_secrets)
    left = CHUNK
    for statement in _statements(device, CHUNK):
        found = session().execute(statement, execution_options={"synchronize_session": False})
        left -= int(getattr(found, "rowcount", 0))
        if left <= 0:
            return False
    reclaim.left(device)
    events.record(
        "device.deleted",
        serial_number=device.serial_number,
        udid=device.udid or device.enrollment_uid,
        name=device.name,
    )
    session().flush()
    session().expunge(device)
    session().execute(
        sa.delete(Device).where(Device.id == device.id),
        execution_options={"synchronize_session": False},
    )
    return True


def _statements(device: Device, limit: int) -> Iterator[Any]:
    """In this order nothing is left that points to what is deleted."""
    channels = sa.select(Channel.id).where(Channel.device_id == device.id)
    sessions = sa.select(EnrollmentSession.id).where(EnrollmentSession.device_id == device.id)
    for model in _CHANNEL:
        yield _first(model, model.__table__.c.channel_id.in_(channels), limit)
    for model in _DEVICE:
        yield _first(model, model.__table__.c.device_id == device.id, limit)
    for model in _SESSION:
        yield _first(model, model.__table__.c.session_id.in_(sessions), limit)
    for model in _KEEPS_WITHOUT_SESSION:
        of_these = model.__table__.c.session_id.in_(sessions)
        yield sa.update(model).where(of_these).values(session_id=None)
    for model in _LAST:
        yield _first(model, model.__table__.c.device_id == device.id, limit)


def _first(model: type[Base], which: sa.ColumnElement[bool], limit: int) -> Any:
    """A statement that deletes so many of these rows."""
    key = next(iter(sa.inspect(model).primary_key))
    return sa.delete(model).where(which, key.in_(sa.select(key).where(which).limit(limit)))
