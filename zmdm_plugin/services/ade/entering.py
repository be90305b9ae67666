"""A device in Setup Assistant asks for its enrollment profile, and says who it is with Apple's key.

By POST it asks for itself; by the web view somebody signs in first (`web.py`). Either way it may
ask again when a reply was lost, and goes on with the session that it has.
https://developer.apple.com/documentation/devicemanagement/machineinfo
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import Enrollment, EnrollmentSession
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol import cms, machine_info, plist
from zmdm_plugin.protocol.chain import UntrustedCertificate
from zmdm_plugin.protocol.machine_info import MachineInfo
from zmdm_plugin.services import events, trust
from zmdm_plugin.services.ade import gate, settings
from zmdm_plugin.services.enrollment import enrollments, profiles, sessions
from zmdm_plugin.services.software_updates import advertised


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The MDM profile, what the device has to update to first, or where somebody signs in."""

    profile: bytes = b""
    update: dict[str, Any] | None = None
    sign_in: str = ""


def by_post(secret: str, body: bytes) -> Answer:
    """What a device without a web view is answered; EnrollmentRefused where somebody must sign in.

    The address stands in the profile beside that of the web view, so that it must not lead around.
    """
    enrollment = enrollments.by_secret(secret, enrollments.ADE, lock=True)
    info = proven(enrollment, body)
    if enrollment.realm_id is not None and enrollment.realm_required:
        why = "somebody has to sign in on the device before it enrolls"
        enrollments.refuse(enrollment, why, serial_number=info.serial_number)
    row = passing(enrollment, info)
    if update := held(row, info):
        return Answer(update=update)
    return Answer(profile=profile(row))


def proven(enrollment: Enrollment, message: bytes) -> MachineInfo:
    """What the device says of itself; refused unless Apple's key for it signed that."""
    signed = cms.verify_attached(message, minimum_rsa_bits=1024)
    info = machine_info.parse(plist.load_dict(signed.content))
    try:
        trust.check_factory_key(signed, at=utcnow())
    except UntrustedCertificate as error:
        why = f"the device's signature: {error}"
        enrollments.refuse(enrollment, why, serial_number=info.serial_number)
    enrollments.check(enrollment, serial_number=info.serial_number, udid=info.udid)
    return info


def passing(enrollment: Enrollment, info: MachineInfo) -> EnrollmentSession:
    """The session that the device has, or a new one; nobody has signed in for it yet."""
    row = _waiting(enrollment, info)
    if row is None:
        enrollments.count(enrollment)
        row = sessions.start(
            enrollment, "ade", "described", serial_number=info.serial_number, udid=info.udid
        )
    row.product, row.os_version = info.product, info.os_version or info.build_version
    row.realm_user_id = None
    return row


def held(row: EnrollmentSession, info: MachineInfo) -> dict[str, Any] | None:
    """The body that makes the device update first; None lets it in."""
    wanted = getattr(settings.of(row.enrollment), gate.asked_of(info) or "", "")
    if not wanted:
        return None
    feed = advertised.feed_of(info.device_ids)
    verdict = gate.judge(info, wanted, feed, today=utcnow().date())
    if verdict.os_version:
        row.failure = f"it was told to update to {verdict.os_version} first"
        row.failed_at = utcnow()
        return machine_info.update_required(verdict.os_version, verdict.build)
    if verdict.warning:
        why = f"let in without the update that is asked for: {verdict.warning}"
        events.record("enrollment.update_not_required", enrollment_session=row, why=why)
        row.failure, row.failed_at = why[:500], utcnow()
    return None


def profile(row: EnrollmentSession) -> bytes:
    """The MDM profile of the session; the same again when it is asked for again."""
    sessions.advance(row, "profiled")
    return profiles.signed(profiles.for_session(row))


def _waiting(enrollment: Enrollment, info: MachineInfo) -> EnrollmentSession | None:
    return session().scalar(
        sa.select(EnrollmentSession)
        .where(
            EnrollmentSession.enrollment_id == enrollment.id,
            EnrollmentSession.kind == "ade",
            EnrollmentSession.udid == info.udid,
            EnrollmentSession.serial_number == info.serial_number,
            EnrollmentSession.state.in_(sessions.OPEN),
            EnrollmentSession.expires_at > utcnow(),
        )
        .order_by(EnrollmentSession.id.desc())
        .limit(1)
        .with_for_update(of=EnrollmentSession)
    )
