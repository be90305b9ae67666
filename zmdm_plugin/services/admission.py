"""A device enters: Authenticate binds a certificate, the first TokenUpdate takes it into effect.

What an Authenticate means is read from the session whose certificate presents it, never from a
flag: a renewal clears nothing; any other session is a new enrollment, which ends the former one's
queue and channels. Nothing takes effect before the TokenUpdate, for an Authenticate may still fail.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from zmdm_plugin import signals
from zmdm_plugin.db import after_commit, session
from zmdm_plugin.errors import IdentityError
from zmdm_plugin.models import (
    Channel,
    ChannelCommand,
    Device,
    EnrollmentSession,
    Identity,
    PushCertificate,
    UnboundIdentity,
)
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol.checkin import Authenticate
from zmdm_plugin.protocol.platform import is_apple_silicon, platform_of
from zmdm_plugin.services import (
    departure,
    events,
    identity,
    licence_marks,
    locking,
    notify,
    release,
    returning,
)
from zmdm_plugin.services.artifacts import assignment
from zmdm_plugin.services.enrollment import renewal, sessions
from zmdm_plugin.services.identity import Evidence
from zmdm_plugin.state import state

_OPEN = ("profiled", "authenticated")
_APPROVAL_HOLDS = timedelta(days=1)


def authenticate(evidence: Evidence, message: Authenticate) -> None:
    """Bind a certificate to the device it was issued for; a repeated Authenticate changes nothing.

    Raises IdentityError or EnrollmentRefused with the reason.
    """
    found = identity.known(evidence, message.who, lock=True)
    if found is not None:
        release.unless_allowed(found.device, anew=found.pending)
        again = found.session_id and session().get(EnrollmentSession, found.session_id)
        if found.pending and again:
            _agrees(again, message)
            again.claims = _claims(message)
        return
    passing = _session_for(evidence, message)
    _agrees(passing, message)
    device = _device_for(passing, evidence, message)
    session().flush()
    _forget_earlier(passing)
    identity.bind(evidence, device, passing)
    passing.device_id = device.id
    passing.udid = message.who.device_key
    passing.serial_number = message.serial_number or passing.serial_number
    passing.claims = _claims(message)
    passing.state, passing.authenticated_at = "authenticated", utcnow()
    events.record("device.authenticated", device=device, enrollment_session=passing)


def complete(device: Device, pinned: Identity) -> bool:
    """The first TokenUpdate of a session: True if it was a new enrollment, False for a renewal."""
    now = utcnow()
    passing = session().get(EnrollmentSession, pinned.session_id) if pinned.session_id else None
    if passing is None:
        raise IdentityError("this certificate was bound through no session")
    if passing.state != "authenticated":
        sessions.refuse(passing, f"the session is {passing.state}")
    if passing.kind == "manual" and _spoke_since(device, passing.authenticated_at):
        sessions.refuse(passing, "the device has gone on under its former identity")
    pinned.state = "active"
    if passing.kind == "renewal":
        _complete_renewal(device, pinned, passing, now=now)
        return False
    _end_former(device, pinned, now=now)
    _take_claims(device, passing)
    device.session_id = passing.id
    device.payload = passing.payload
    device.realm_user_id = passing.realm_user_id
    device.push_certificate_id = _push_certificate_id(passing)
    assignment.enrolled(device, passing)
    device.enrolled_at, device.checkout_at = now, None
    returning.came_back(device)
    passing.state, passing.completed_at = "completed", now
    events.record("device.enrolled", device=device, enrollment_session=passing)
    device_id, session_id = device.id, passing.id
    after_commit(
        lambda: notify.send(signals.device_enrolled, device_id=device_id, session_id=session_id)
    )
    return True


def _push_certificate_id(passing: EnrollmentSession) -> int:
    """The certificate of the topic that the device enrolled with, whatever the enrollment has now.

    Its topic is what the device listens to.
    """
    topic = (passing.payload or {}).get("topic")
    found = session().scalar(sa.select(PushCertificate.id).where(PushCertificate.topic == topic))
    return found or passing.enrollment.push_certificate_id


def _forget_earlier(passing: EnrollmentSession) -> None:
    """A session ends with one certificate: the last that authenticated."""
    session().execute(
        sa.update(Identity)
        .where(Identity.session_id == passing.id, Identity.state == "pending")
        .values(state="retired", retired_at=utcnow())
    )


def _session_for(evidence: Evidence, message: Authenticate) -> EnrollmentSession:
    passing = identity.session_of(evidence)
    if passing is None:
        raise IdentityError(
            "no enrollment session knows this certificate",
            trace=lambda: identity.list_unbound(
                evidence,
                message.who,
                reason="unknown_session",
                serial_number=message.serial_number,
            ),
        )
    if evidence.expired(utcnow()):
        raise IdentityError("this certificate has expired before it was ever used")
    identity.check_voucher(evidence, passing.payload)
    return passing


def _agrees(passing: EnrollmentSession, message: Authenticate) -> None:
    """What the session was opened for must be who authenticates, and it must still be open."""
    who, serial = message.who, message.serial_number
    if passing.state not in _OPEN:
        sessions.refuse(passing, f"the session is {passing.state}")
    sessions.check_open(passing)
    if passing.udid and passing.udid != who.device_key:
        sessions.refuse(passing, "the session was opened for another UDID")
    if passing.serial_number and serial and passing.serial_number != serial:
        sessions.refuse(passing, "the session was opened for another serial number")
    payload = passing.payload or {}
    if payload.get("enrollment_mode") == "BYOD" and not who.user_enrollment:
        sessions.refuse(passing, "a user enrollment is named by an EnrollmentID, not by a UDID")
    expected = payload.get("topic")
    if expected and expected != message.topic:
        sessions.refuse(passing, "the topic is not the one of the profile")
    if passing.kind != "renewal":
        _admits(passing, message)


def _admits(passing: EnrollmentSession, message: Authenticate) -> None:
    sessions.check_person(passing)
    enrollment = passing.enrollment
    if enrollment.serial_numbers and message.serial_number not in enrollment.serial_numbers:
        sessions.refuse(passing, "the enrollment does not allow this serial number")
    if enrollment.udids and message.who.device_key not in enrollment.udids:
        sessions.refuse(passing, "the enrollment does not allow this UDID")


def _device_for(passing: EnrollmentSession, evidence: Evidence, message: Authenticate) -> Device:
    """The device's row, found by UDID, else by serial number (another logic board), else new."""
    if passing.kind == "renewal" and passing.device_id:
        renewing = _held(passing.device_id)
        if renewing is None:
            raise IdentityError("the device was deleted meanwhile")
        release.unless_allowed(renewing)
        return renewing
    device = _find(message)
    if device is None:
        return _new_device(message)
    release.unless_allowed(device, anew=True)
    if passing.kind == "manual":
        _may_reenroll(device, passing, evidence, message)
    return device


def _find(message: Authenticate) -> Device | None:
    device = identity.find_device(message.who)
    if device is None and message.serial_number:
        device = session().scalar(
            sa.select(Device)
            .where(Device.serial_number == message.serial_number)
            .order_by(Device.id.desc())
            .limit(1)
        )
    return _held(device.id) if device is not None else None


def _held(device_id: int) -> Device | None:
    """The device, which nobody deletes now; None if somebody just has."""
    held = sa.select(Device).where(Device.id == device_id).with_for_update(key_share=True)
    return session().scalar(held, execution_options={"populate_existing": True})


def _may_reenroll(
    device: Device, passing: EnrollmentSession, evidence: Evidence, message: Authenticate
) -> None:
    """A counted challenge proves no serial number: a living device is not taken over by one."""
    silence = timedelta(seconds=state().settings.reenroll_silence)
    seen = session().scalar(
        sa.select(sa.func.max(Channel.last_seen_at)).where(
            Channel.device_id == device.id, Channel.ended_at.is_(None)
        )
    )
    same = device.serial_number is None or device.serial_number == message.serial_number
    gone = device.enrolled_at is None or device.checkout_at or device.released_at
    approved = session().scalar(
        sa.select(UnboundIdentity).where(
            UnboundIdentity.device_id == device.id,
            UnboundIdentity.reason == "wants_to_reenroll",
            UnboundIdentity.approved_at > utcnow() - _APPROVAL_HOLDS,
        )
    )
    if approved is not None:
        session().delete(approved)
        return
    if same and (gone or seen is None or seen < utcnow() - silence):
        return
    session_id = passing.id
    raise IdentityError(
        "this device is enrolled and in use; an administrator has to allow it to enroll anew",
        trace=lambda: identity.list_unbound(
            evidence,
            message.who,
            reason="wants_to_reenroll",
            session_id=session_id,
            serial_number=message.serial_number,
        ),
    )


def _spoke_since(device: Device, moment: datetime | None) -> bool:
    """Whether the enrollment that was taken for silent has proven to be alive meanwhile."""
    found = session().scalar(
        sa.select(Channel.id)
        .where(
            Channel.device_id == device.id,
            Channel.ended_at.is_(None),
            Channel.last_seen_at > moment,
        )
        .limit(1)
    )
    return found is not None


def _new_device(message: Authenticate) -> Device:
    device = Device(udid=message.who.udid, enrollment_uid=message.who.enrollment_id)
    for column, value in _claims(message).items():
        if hasattr(device, column) and value is not None:
            setattr(device, column, value)
    session().add(device)
    return device


def _claims(message: Authenticate) -> dict[str, Any]:
    """What the device says of itself, by the names of its columns."""
    model = message.product_name or message.model
    return {
        "udid": message.who.udid,
        "enrollment_uid": message.who.enrollment_id,
        "serial_number": message.serial_number,
        "name": message.device_name,
        "model": model,
        "model_name": message.model_name,
        "platform": platform_of(
            message.product_name, message.model, message.model_name, os_version=message.os_version
        ),
        "apple_silicon": is_apple_silicon(model),
        "os_version": message.os_version,
        "build_version": message.build_version,
        "imei": message.imei,
        "meid": message.meid,
        "user_enrollment": message.who.user_enrollment or None,
    }


def _take_claims(device: Device, passing: EnrollmentSession) -> None:
    """Another UDID or serial number on the same device is an event, its history stays."""
    claims = passing.claims or {}
    for column in ("udid", "serial_number"):
        before, after = getattr(device, column), claims.get(column)
        if before and after and before != after:
            events.record(f"device.{column}_changed", device=device, before=before, after=after)
            if column == "serial_number":
                licence_marks.mark(before)
    for column, value in claims.items():
        if value is not None:
            setattr(device, column, value)


def _complete_renewal(
    device: Device, pinned: Identity, passing: EnrollmentSession, *, now: datetime
) -> None:
    passing.state, passing.completed_at = "completed", now
    renewal.completed(passing)
    if not _renewal_unanswered(device):
        identity.retire_others(device, pinned, at=now + identity.grace())
    events.record("device.renewed", device=device, enrollment_session=passing)
    device_id, session_id = device.id, passing.id
    after_commit(
        lambda: notify.send(signals.device_renewed, device_id=device_id, session_id=session_id)
    )


def _renewal_unanswered(device: Device) -> bool:
    """Whether the command that renews the identity may still be answered under the old one."""
    found = session().scalar(
        sa.select(ChannelCommand.id).where(
            ChannelCommand.device_id == device.id,
            ChannelCommand.name == "RenewIdentity",
            ChannelCommand.finished_at.is_(None),
            ChannelCommand.delivery_count > 0,
        )
    )
    return found is not None


def _end_former(device: Device, pinned: Identity, *, now: datetime) -> None:
    """A new enrollment: the former queue and channels end, its tokens become old versions."""
    ended = departure.end(device, why="the device enrolled anew", now=now)
    identity.retire_others(device, pinned, at=now)
    session().execute(sa.delete(UnboundIdentity).where(UnboundIdentity.device_id == device.id))
    session().execute(
        sa.update(EnrollmentSession)
        .where(
            EnrollmentSession.device_id == device.id,
            EnrollmentSession.id != pinned.session_id,
            EnrollmentSession.state.in_((*_OPEN, "completed")),
        )
        .values(state="superseded", updated_at=now),
        execution_options={"synchronize_session": False},
    )
    if device.locked_at is not None:
        locking.unlocked(device)
    for column in _RESET:
        setattr(device, column, None)
    device.declarative_management = False
    if ended:
        events.record("device.queue_ended", device=device, commands=ended)


_RESET = (
    "awaiting_configuration",
    "user_approved_enrollment",
    "device_information_at",
    "security_info_at",
    "applications_at",
    "certificates_at",
    "profiles_at",
)
