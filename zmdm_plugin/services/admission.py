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
from zmdm_plugin.errors import EnrollmentRefused, IdentityError
from zmdm_plugin.models import (
    Channel,
    ChannelCommand,
    Device,
    EnrollmentSession,
    Identity,
    UnboundIdentity,
)
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol.checkin import Authenticate
from zmdm_plugin.protocol.platform import is_apple_silicon, platform_of
from zmdm_plugin.services import command_queue, events, identity, notify, release, vault
from zmdm_plugin.services.identity import Evidence
from zmdm_plugin.state import state

_OPEN = ("profiled", "authenticated")


def authenticate(evidence: Evidence, message: Authenticate) -> None:
    """Bind a certificate to the device it was issued for; a repeated Authenticate changes nothing.

    Raises IdentityError or EnrollmentRefused with the reason.
    """
    found = identity.known(evidence, message.who, lock=True)
    if found is not None:
        release.unless_allowed(found.device)
        passing = found.session_id and session().get(EnrollmentSession, found.session_id)
        if found.pending and passing:
            passing.claims = _claims(message)
        return
    passing = _session_for(evidence, message)
    _agrees(passing, message)
    device = _device_for(passing, evidence, message)
    release.unless_allowed(device)
    session().flush()
    for other in session().scalars(
        sa.select(Identity).where(Identity.device_id == device.id, Identity.state == "pending")
    ):
        other.state, other.retired_at = "retired", utcnow()
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
    pinned.state = "active"
    passing = session().get(EnrollmentSession, pinned.session_id) if pinned.session_id else None
    if passing is None:
        return False
    if passing.kind == "renewal":
        _complete_renewal(device, pinned, passing, now=now)
        return False
    _end_former(device, pinned, now=now)
    _take_claims(device, passing)
    device.session_id = passing.id
    device.payload = passing.payload
    device.push_certificate_id = passing.enrollment.push_certificate_id
    device.enrolled_at, device.checkout_at = now, None
    passing.state, passing.completed_at = "completed", now
    events.record("device.enrolled", device=device, enrollment_session=passing)
    device_id, session_id = device.id, passing.id
    after_commit(
        lambda: notify.send(signals.device_enrolled, device_id=device_id, session_id=session_id)
    )
    return True


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
    return passing


def _agrees(passing: EnrollmentSession, message: Authenticate) -> None:
    """What the session was opened for must be who authenticates, and it must still be open."""
    enrollment = passing.enrollment
    if passing.state not in _OPEN:
        _refuse(passing, f"the enrollment session is {passing.state}")
    if passing.kind != "renewal" and enrollment.revoked_at is not None:
        _refuse(passing, "the enrollment was revoked")
    who = message.who
    if passing.udid and passing.udid != who.device_key:
        _refuse(passing, "the session was opened for another UDID")
    serial = message.serial_number
    if passing.serial_number and serial and passing.serial_number != serial:
        _refuse(passing, "the session was opened for another serial number")
    if passing.kind == "renewal":
        return
    if enrollment.serial_numbers and serial not in enrollment.serial_numbers:
        _refuse(passing, "the enrollment does not allow this serial number")
    if enrollment.udids and who.device_key not in enrollment.udids:
        _refuse(passing, "the enrollment does not allow this UDID")
    expected = (passing.payload or {}).get("topic")
    if expected and expected != message.topic:
        _refuse(passing, "the topic is not the one of the profile")


def _refuse(passing: EnrollmentSession, why: str) -> None:
    session_id = passing.id

    def trace() -> None:
        row = session().get(EnrollmentSession, session_id)
        if row is not None:
            row.failure, row.failed_at = why, utcnow()
            events.record("enrollment.refused", enrollment_session=row, why=why)

    refusal = EnrollmentRefused(why, trace=trace)
    refusal.status = 400
    raise refusal


def _device_for(passing: EnrollmentSession, evidence: Evidence, message: Authenticate) -> Device:
    """The device's row, found by UDID, else by serial number (another logic board), else new."""
    who = message.who
    if passing.kind == "renewal" and passing.device_id:
        return session().get_one(Device, passing.device_id, with_for_update=True)
    device = identity.find_device(who)
    if device is None and message.serial_number:
        device = session().scalar(
            sa.select(Device)
            .where(Device.serial_number == message.serial_number)
            .order_by(Device.id.desc())
            .limit(1)
        )
    if device is None:
        return _new_device(message)
    if passing.kind == "manual":
        _may_reenroll(device, passing, evidence, message)
    return device


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
    gone = device.enrolled_at is None or device.checkout_at is not None
    approved = session().scalar(
        sa.select(UnboundIdentity).where(
            UnboundIdentity.device_id == device.id,
            UnboundIdentity.reason == "wants_to_reenroll",
            UnboundIdentity.approved_at.is_not(None),
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
    for column, value in claims.items():
        if value is not None:
            setattr(device, column, value)


def _complete_renewal(
    device: Device, pinned: Identity, passing: EnrollmentSession, *, now: datetime
) -> None:
    passing.state, passing.completed_at = "completed", now
    if not renewal_unanswered(device):
        identity.retire_others(device, pinned, at=now + grace())
    events.record("device.renewed", device=device, enrollment_session=passing)
    device_id, session_id = device.id, passing.id
    after_commit(
        lambda: notify.send(signals.device_renewed, device_id=device_id, session_id=session_id)
    )


def renewal_unanswered(device: Device) -> bool:
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


def grace() -> timedelta:
    """How long the former identity of a renewed device goes on working."""
    return timedelta(days=state().settings.identity_grace_days)


def _end_former(device: Device, pinned: Identity, *, now: datetime) -> None:
    """A new enrollment: the former queue and channels end, its tokens become old versions."""
    ended = command_queue.end_queue(device, why="the device enrolled anew")
    identity.retire_others(device, pinned, at=now)
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
    end_channels(device, now=now)
    drop_tokens(device)
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


def end_channels(device: Device, *, now: datetime) -> None:
    """Nothing is sent to this device any more: no push, no command, on any channel."""
    session().execute(
        sa.update(Channel)
        .where(Channel.device_id == device.id)
        .values(
            ended_at=now,
            push_token=None,
            push_magic=None,
            push_due_at=None,
            push_leased_until=None,
            plan_due_at=None,
        )
    )


def drop_tokens(device: Device) -> None:
    """Unlock and bootstrap tokens of a former enrollment hold no longer, but stay in the vault."""
    for column in (vault.UNLOCK_TOKEN, vault.BOOTSTRAP_TOKEN):
        if getattr(device, f"{column}_escrowed"):
            vault.seal(device, column, None)
            setattr(device, f"{column}_escrowed", False)
            vault.supersede(device, column)
