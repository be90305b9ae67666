"""Over the air: a profile service, the device's own word, an identity, and then the MDM profile.

    1  GET the link         -> the sign-in of a realm, if it has one -> Profile Service profile
    2  POST attributes, signed with the device's factory certificate -> a SCEP profile
    3  POST attributes, signed with that SCEP identity               -> the MDM profile

Steps 2 and 3 come to one URL; who signed tells them apart.
Apple: https://developer.apple.com/library/archive/documentation/NetworkingInternet/Conceptual/iPhoneOTAConfiguration/
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import SealError
from zmdm_plugin.models import Enrollment, EnrollmentSession, IssuedCertificate
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol import cms, mobileconfig, plist
from zmdm_plugin.protocol.chain import UntrustedCertificate
from zmdm_plugin.services import trust
from zmdm_plugin.services.enrollment import enrollments, people, profiles, sessions
from zmdm_plugin.services.realms import sign_ins
from zmdm_plugin.state import state

_CHALLENGE_LABEL = "enrollment.ota_challenge"


PURPOSE = "ota"


def sign_in(secret: str) -> str | None:
    """Where the person signs in before step 1; None if this enrollment asks nobody."""
    enrollment = enrollments.by_secret(secret, enrollments.OTA)
    enrollments.check(enrollment)
    if (realm := people.realm_of(enrollment)) is None:
        return None
    return sign_ins.begin(
        realm,
        purpose=PURPOSE,
        then=f"/public/mdm/ota/{secret}/signed_in/",
        data={"enrollment": enrollment.id},
        optional=not enrollment.realm_required,
    )


def signed_in(secret: str, handle: str) -> bytes:
    """Step 1 for the person who has just signed in: the profile is theirs."""
    enrollment = enrollments.by_secret(secret, enrollments.OTA)
    finished = sign_ins.finish(handle, purpose=PURPOSE)
    if finished.data.get("enrollment") != enrollment.id:
        raise sign_ins.SignInRefused("this sign-in was for another enrollment; open the link again")
    person = finished.realm_user
    return first_profile(secret, realm_user_id=person.id if person is not None else None)


def first_profile(secret: str, *, realm_user_id: int | None = None) -> bytes:
    """Step 1: where the device shall send its attributes."""
    enrollment = enrollments.by_secret(secret, enrollments.OTA)
    enrollments.check(enrollment)
    profile = mobileconfig.profile_service(
        identifier=f"{enrollments.payload_identifier()}.ota",
        profile_uuid=uuid.UUID(enrollment.uid),
        url=f"{state().settings.base_url}/public/mdm/ota/{secret}/device/",
        challenge=_fresh_challenge(enrollment, realm_user_id),
        texts=profiles.texts(enrollment),
    )
    return profiles.signed(profile)


def next_profile(secret: str, body: bytes) -> bytes:
    """Steps 2 and 3: the profile that follows from who signed the attributes."""
    enrollment = enrollments.by_secret(secret, enrollments.OTA, lock=True)
    message = cms.verify_attached(body, minimum_rsa_bits=1024)
    attributes = plist.load_dict(message.content)
    issued = (
        session()
        .execute(
            sa.select(IssuedCertificate, EnrollmentSession)
            .join(EnrollmentSession, EnrollmentSession.id == IssuedCertificate.session_id)
            .where(
                IssuedCertificate.fingerprint == message.signer.fingerprint,
                IssuedCertificate.slot == "ota",
            )
        )
        .one_or_none()
    )
    if issued is not None:
        return _mdm_profile(enrollment, issued[1], attributes)
    if (passing := _by_external_identity(message)) is not None:
        return _mdm_profile(enrollment, passing, attributes)
    try:
        trust.check_factory_key(message, at=utcnow())
    except UntrustedCertificate as error:
        enrollments.refuse(enrollment, f"the device's signature: {error}")
    return _identity_profile(enrollment, attributes)


def _identity_profile(enrollment: Enrollment, attributes: dict[str, Any]) -> bytes:
    """The device has proven who it is; it gets an identity of ours, to come again with."""
    serial, udid = _text(attributes, "SERIAL"), _text(attributes, "UDID")
    if not udid:
        enrollments.refuse(enrollment, "the device did not say its UDID")
    realm_user_id = _check_challenge(enrollment, attributes.get("CHALLENGE"))
    enrollments.check(enrollment, serial_number=serial or "", udid=udid)
    row = _waiting(enrollment, udid)
    if row is None:
        enrollments.count(enrollment)
        row = sessions.start(
            enrollment,
            "ota",
            "described",
            serial_number=serial,
            udid=udid,
            product=_text(attributes, "PRODUCT"),
            os_version=_text(attributes, "VERSION"),
        )
    row.realm_user_id = realm_user_id
    profile = mobileconfig.identity_profile(
        profiles.scep_of(row, "ota"),
        identifier=f"{enrollments.payload_identifier()}.identity",
        profile_uuid=uuid.UUID(row.uid),
        texts=profiles.texts(enrollment),
    )
    return profiles.signed(profile)


def _mdm_profile(
    enrollment: Enrollment, row: EnrollmentSession, attributes: dict[str, Any]
) -> bytes:
    """The device came back with the identity of its session: it gets the MDM profile."""
    if row.enrollment_id != enrollment.id:
        sessions.refuse(row, "the identity belongs to another enrollment")
    if _text(attributes, "UDID") != row.udid:
        sessions.refuse(row, "the identity belongs to a device with another UDID")
    if row.serial_number and _text(attributes, "SERIAL") not in (None, row.serial_number):
        sessions.refuse(row, "the identity belongs to a device with another serial number")
    enrollments.check(enrollment, serial_number=row.serial_number, udid=row.udid)
    sessions.check_person(row)
    sessions.advance(row, "profiled")
    return profiles.signed(profiles.for_session(row))


def _fresh_challenge(enrollment: Enrollment, realm_user_id: int | None) -> str:
    """When this profile was given out and to whom, sealed: signed attributes of old cannot be sent
    again, nor somebody else's name be put on them."""
    given = f"{int(utcnow().timestamp())}.{realm_user_id or ''}".encode()
    return state().box.seal(given, label=_CHALLENGE_LABEL, uid=enrollment.uid)


def _check_challenge(enrollment: Enrollment, challenge: object) -> int | None:
    """Who signed in for this profile; EnrollmentRefused also where nobody did, but had to."""
    text = challenge.decode("ascii", "replace") if isinstance(challenge, bytes) else challenge
    try:
        given = state().box.open(str(text or ""), label=_CHALLENGE_LABEL, uid=enrollment.uid)
    except SealError:
        enrollments.refuse(enrollment, "the challenge is not the one of our profile")
    moment, _, person = given.decode().partition(".")
    age = utcnow() - datetime.fromtimestamp(int(moment), UTC)
    if age > sessions.LIFETIME:
        enrollments.refuse(enrollment, "the profile is too old; open the link again")
    if enrollment.realm_required and not person:
        enrollments.refuse(enrollment, "nobody signed in for this profile; open the link again")
    return int(person) if person else None


def _waiting(enrollment: Enrollment, udid: str) -> EnrollmentSession | None:
    """The session of a device that begins again: no second one, no second of the quota."""
    return session().scalar(
        sa.select(EnrollmentSession)
        .where(
            EnrollmentSession.enrollment_id == enrollment.id,
            EnrollmentSession.udid == udid,
            EnrollmentSession.state.in_(sessions.OPEN),
            EnrollmentSession.expires_at > utcnow(),
        )
        .order_by(EnrollmentSession.id.desc())
        .limit(1)
        .with_for_update(of=EnrollmentSession)
    )


def _by_external_identity(message: cms.Attached) -> EnrollmentSession | None:
    token = trust.external_subject_token(message.signer.certificate, at=utcnow())
    if token is None:
        return None
    return session().scalar(
        sa.select(EnrollmentSession).where(EnrollmentSession.subject_token == token)
    )


def _text(attributes: dict[str, Any], key: str) -> str | None:
    value = attributes.get(key)
    return value[:128] if isinstance(value, str) and value else None
