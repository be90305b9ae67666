"""A new identity for an enrolled device: a session of its own, and the profile it enrolled with."""

from __future__ import annotations

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import NotFound, Refused
from zmdm_plugin.models import Device, EnrollmentSession, Identity
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import identity
from zmdm_plugin.services.enrollment import profiles, sessions


def start(device: Device) -> EnrollmentSession:
    """The renewal session of a device: the one that waits, or a new one."""
    waiting = session().scalar(
        sa.select(EnrollmentSession)
        .where(
            EnrollmentSession.device_id == device.id,
            EnrollmentSession.kind == "renewal",
            EnrollmentSession.state == "profiled",
        )
        .order_by(EnrollmentSession.id.desc())
        .limit(1)
    )
    if waiting is not None:
        return waiting
    if device.session is None or not device.payload:
        raise Refused("", "the device's enrollment is not known, so it cannot be renewed")
    row = sessions.start(
        device.session.enrollment,
        "renewal",
        "profiled",
        device_id=device.id,
        serial_number=device.serial_number,
        udid=device.udid or device.enrollment_uid,
        payload=device.payload,
    )
    row.expires_at = None
    return row


def retire_former(row: EnrollmentSession) -> None:
    """The command of a renewal is settled: from now on the former identity has its grace."""
    pinned = session().scalar(
        sa.select(Identity).where(Identity.session_id == row.id, Identity.state == "active")
    )
    if pinned is not None:
        device = session().get_one(Device, pinned.device_id)
        identity.retire_others(device, pinned, at=utcnow() + identity.grace())


def render(session_uid: str) -> bytes:
    """The profile, made at delivery: what the device enrolled with, and a fresh challenge."""
    row = session().scalar(
        sa.select(EnrollmentSession).where(EnrollmentSession.uid == session_uid).with_for_update()
    )
    if row is not None and row.state == "completed":
        # The new identity is in use; the answer that should have said so was lost.
        retire_former(row)
        raise NotFound("the device has its new identity already")
    if row is None or row.state != "profiled":
        raise NotFound("the renewal is over")
    return profiles.signed(profiles.for_session(row))
