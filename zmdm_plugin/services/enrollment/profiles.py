"""The profiles that enroll: rendered for one session (or by hand), CMS-signed when configured."""

from __future__ import annotations

import uuid

from zmdm_plugin.db import session
from zmdm_plugin.models import Enrollment, EnrollmentSession, ScepIssuer
from zmdm_plugin.protocol import cms, mobileconfig, pem
from zmdm_plugin.protocol.mobileconfig import EnrollmentPayload, Scep, Texts
from zmdm_plugin.services import ca, trust, vault
from zmdm_plugin.services.enrollment import enrollments, sessions
from zmdm_plugin.state import state

SCEP_PATH = "/public/mdm/scep/"


def signed(profile: bytes) -> bytes:
    """The profile in the signature of ZMDM_PROFILE_SIGNING_*; as it is when none is configured."""
    settings = state().settings
    if not settings.profile_signing_certificate:
        return profile
    cache = state().cache
    if "profile_signer" not in cache:
        leaf, *chain = pem.certificates(settings.profile_signing_certificate)
        cache["profile_signer"] = (leaf, pem.private_key(settings.profile_signing_key), chain)
    leaf, key, chain = cache["profile_signer"]
    return cms.sign_attached(profile, leaf, key=key, chain=chain)


def payload_of(enrollment: Enrollment) -> EnrollmentPayload:
    """What a device enrolls with from now on; kept per device, for a renewal may not change it."""
    settings = state().settings
    assert enrollment.push_certificate.topic is not None
    return EnrollmentPayload(
        identifier=enrollments.payload_identifier(),
        topic=enrollment.push_certificate.topic,
        server_url=f"{settings.device_url}/public/mdm/connect/",
        checkin_url=f"{settings.device_url}/public/mdm/checkin/",
        sign_message=settings.sign_message,
    )


def for_session(row: EnrollmentSession) -> bytes:
    """The MDM profile of one session, unsigned; remembers on the session what it says."""
    payload = (
        EnrollmentPayload.from_json(row.payload) if row.payload else payload_of(row.enrollment)
    )
    row.payload = payload.to_json()
    return mobileconfig.enrollment_profile(
        payload,
        scep_of(row, "mdm"),
        profile_uuid=uuid.UUID(row.uid),
        texts=texts(row.enrollment),
    )


def for_many(enrollment: Enrollment) -> bytes:
    """The by-hand profile with the enrollment's counted challenge, unsigned."""
    payload = payload_of(enrollment)
    challenge = vault.unseal(enrollment, "challenge")
    assert challenge is not None
    scep = Scep(
        url=state().settings.base_url + SCEP_PATH,
        subject=_subject("device"),
        challenge=f"{challenge.decode()}.{_wording(enrollment, payload)}",
        key_size=enrollment.scep_issuer.key_size,
        key_usage=enrollment.scep_issuer.key_usage,
    )
    return mobileconfig.enrollment_profile(
        payload, scep, profile_uuid=uuid.UUID(enrollment.uid), texts=texts(enrollment)
    )


def _wording(enrollment: Enrollment, payload: EnrollmentPayload) -> int:
    """The number of this wording of the payload; a new one is kept, the former ones stay.

    A profile may lie on a disk for a year, and by then settings have changed.
    """
    wording = payload.to_json()
    if wording not in (enrollment.payloads or []):
        session().refresh(enrollment, with_for_update={"of": Enrollment})
        if wording not in (enrollment.payloads or []):
            enrollment.payloads = [*(enrollment.payloads or []), wording]
            session().flush()
    return (enrollment.payloads or []).index(wording)


def scep_of(row: EnrollmentSession, slot: sessions.Slot) -> Scep:
    """Where a session's device gets its certificate: our CA, or an external service."""
    issuer = row.enrollment.scep_issuer
    if issuer.kind == ca.BUILTIN:
        return Scep(
            url=state().settings.base_url + SCEP_PATH,
            subject=_subject(row.uid),
            challenge=sessions.challenge(row, slot),
            key_size=issuer.key_size,
            key_usage=issuer.key_usage,
        )
    return _external(row, issuer)


def _external(row: EnrollmentSession, issuer: ScepIssuer) -> Scep:
    """A static challenge proves nothing, so a random value in the subject names the session."""
    row.subject_token = row.subject_token or sessions.new_secret()
    static = vault.unseal(issuer, "challenge")
    assert issuer.url is not None
    return Scep(
        url=issuer.url,
        subject=(*_subject(row.uid), (trust.SUBJECT_TOKEN, row.subject_token)),
        challenge=static.decode() if static else None,
        name=issuer.ca_name,
        key_size=issuer.key_size,
        key_usage=issuer.key_usage,
        ca_fingerprint=bytes.fromhex(issuer.ca_fingerprint) if issuer.ca_fingerprint else None,
    )


def texts(enrollment: Enrollment) -> Texts:
    return Texts(
        display_name=enrollment.display_name, organization=state().settings.organization or None
    )


def _subject(common_name: str) -> tuple[tuple[str, str], ...]:
    organization = state().settings.organization
    return (("CN", common_name), *((("O", organization),) if organization else ()))
