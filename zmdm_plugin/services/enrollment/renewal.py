"""A new identity for an enrolled device: a session of its own, and the profile it enrolled with.

What became of it stands on the identity that is to be replaced:

(not begun) -> ordered -> [put_off] -> taken -> done
                  ^           |          |
                  +--------- failed <----+      cancelled: the device left, or was blocked
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import NotFound, Refused
from zmdm_plugin.models import Device, EnrollmentSession, Identity
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import events, identity, renewal_due
from zmdm_plugin.services.enrollment import profiles, sessions
from zmdm_plugin.services.renewal_due import Holding


def holding(row: Identity) -> Holding:
    """An identity as the rules see it."""
    return Holding(
        not_before=row.not_before,
        not_after=row.not_after,
        state=row.renewal_state,
        attempts=row.renewal_attempts,
        since=row.renewal_since,
        next_at=row.renewal_next_at,
    )


def present(device_id: int) -> Identity | None:
    """The identity in use that ends first: after a renewal that was rolled back, two are in use."""
    return session().scalar(
        sa.select(Identity)
        .where(
            Identity.device_id == device_id,
            Identity.state == "active",
            Identity.retire_at.is_(None),
        )
        .order_by(Identity.not_after, Identity.id)
        .limit(1)
    )


def begin(device: Device) -> EnrollmentSession:
    """Order a renewal: its session, and the next attempt on the identity that it replaces."""
    row, held = start(device), present(device.id)
    if held is not None:
        held.renewal_attempts += 1
        held.renewal_session_id = row.id
        _becomes(held, "ordered", next_at=None)
    return row


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


def put_off(device_id: int) -> None:
    """The device said NotNow to its renewal; it gets the same order again."""
    held = present(device_id)
    if held is not None and held.renewal_state == "ordered":
        _becomes(held, "put_off", next_at=None)


def taken(row: EnrollmentSession) -> datetime | None:
    """The profile is acknowledged; when to try again, should the new identity not come into use."""
    if retire_former(row) or (held := _replaced(row)) is None:
        return None
    _becomes(held, "taken", next_at=_next_try(held))
    return held.renewal_next_at


def retire_former(row: EnrollmentSession) -> bool:
    """From now on the former identity has its grace; False if the new one is not in use yet."""
    pinned = session().scalar(
        sa.select(Identity).where(Identity.session_id == row.id, Identity.state == "active")
    )
    if pinned is None:
        return False
    device = session().get_one(Device, pinned.device_id)
    identity.retire_others(device, pinned, at=utcnow() + identity.grace())
    return True


def completed(row: EnrollmentSession) -> None:
    """The new identity's first TokenUpdate has come."""
    if (held := _replaced(row)) is not None:
        held.renewal_failure = None
        _becomes(held, "done", next_at=None)


def failed(row: EnrollmentSession, why: str) -> datetime | None:
    """The profile was not taken; the old identity stays in use. When it is tried again."""
    if row.state in ("profiled", "authenticated"):
        row.state, row.failure, row.failed_at = "failed", why[:500], utcnow()
    return _failed(_replaced(row), why)


def refused(device: Device, why: str) -> None:
    """It could not even be ordered: said once, tried again after the same waits."""
    held = present(device.id)
    if held is None:
        return
    held.renewal_attempts += 1
    if held.renewal_failure != why[:500]:
        events.record("identity.renewal_failed", device=device, why=why[:500])
    _failed(held, why)


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


def _replaced(row: EnrollmentSession) -> Identity | None:
    """The identity that this session is to replace, or has replaced."""
    return session().scalar(
        sa.select(Identity)
        .where(
            Identity.device_id == row.device_id,
            Identity.state == "active",
            Identity.renewal_session_id == row.id,
        )
        .limit(1)
    )


def _failed(held: Identity | None, why: str) -> datetime | None:
    if held is None:
        return None
    held.renewal_failure = why[:500]
    _becomes(held, "failed", next_at=_next_try(held))
    return held.renewal_next_at


def _next_try(held: Identity) -> datetime:
    now = utcnow()
    return now + renewal_due.wait(holding(held), now)


def _becomes(held: Identity, state: str, *, next_at: datetime | None) -> None:
    held.renewal_state, held.renewal_since, held.renewal_next_at = state, utcnow(), next_at
