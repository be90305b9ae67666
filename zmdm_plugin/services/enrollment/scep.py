"""The SCEP service of the built-in CA: a challenge leads to a session, a session to a certificate.

A one-time challenge survives a lost reply: the same transaction and key get the same certificate
again until the session's Authenticate; another key is refused. Subject and validity are the
session's, never the request's.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, NoReturn

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import EnrollmentRefused
from zmdm_plugin.models import Enrollment, EnrollmentSession, IssuedCertificate
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol import issuance, scep, scep_reply, x509
from zmdm_plugin.protocol.scep import FailInfo, ScepRefused, ScepRequest
from zmdm_plugin.services import ca
from zmdm_plugin.services.declarations import credentials
from zmdm_plugin.services.enrollment import assets, enrollments, sessions
from zmdm_plugin.state import state

_NUMBER = re.compile(r"[0-9]{1,6}\Z")


class Failure(EnrollmentRefused):
    """A request that is answered by a CertRep with failInfo and HTTP 200."""

    status = 200

    def __init__(self, refusal: EnrollmentRefused, reply: bytes) -> None:
        super().__init__(str(refusal), trace=refusal.trace)
        self.reply = reply


def ca_certificates() -> tuple[str, bytes]:
    """Content type and body of GetCACert."""
    return scep_reply.ca_certificates([ca.issuing().authority.certificate])


def capabilities() -> str:
    return scep.capabilities(allow_weak=state().settings.scep_legacy_algorithms)


def operate(message: bytes) -> bytes:
    """PKIOperation: the CertRep with a certificate; Failure carries the one that says no."""
    generations = ca.generations()
    signer = ca.issuing().authority
    try:
        request = scep.parse_request(
            message,
            [generation.authority for generation in generations],
            allow_weak=state().settings.scep_legacy_algorithms,
        )
    except ScepRefused as refused:
        reply = scep_reply.build_failure(refused.header, refused.fail_info, authority=signer)
        raise Failure(EnrollmentRefused(str(refused)), reply) from refused
    try:
        certificate, issuer = _certificate(request)
    except EnrollmentRefused as refusal:
        reply = scep_reply.build_failure(request, FailInfo.BAD_REQUEST, authority=request.recipient)
        raise Failure(refusal, reply) from refusal
    return scep_reply.build_success(
        request, certificate, authority=request.recipient, chain=[issuer]
    )


def _certificate(request: ScepRequest) -> tuple[bytes, bytes]:
    """The certificate (old or new) for a request, and the CA certificate that signed it."""
    challenge_hash = sessions.hashed(request.challenge or "")
    key_hash = hashlib.sha256(request.csr.spki).hexdigest()
    if credentials.is_ours(request.challenge or ""):
        return assets.certificate(request, challenge_hash=challenge_hash, key_hash=key_hash)
    row = _session_of(challenge_hash)
    if row is not None:
        enrollments.unless_blocked(row.serial_number, row.udid)
        issued = _issued(row, challenge_hash)
        if issued is not None:
            return _again(row, issued, request, key_hash)
        sessions.check_open(row)
        if row.state not in sessions.OPEN:
            sessions.refuse(row, "the challenge was used up by this device's Authenticate")
        slot = "ota" if row.ota_challenge_hash == challenge_hash else "mdm"
        return _issue(row, slot, request, challenge_hash, key_hash)
    return _counted(request, challenge_hash, key_hash)


def _counted(request: ScepRequest, challenge_hash: str, key_hash: str) -> tuple[bytes, bytes]:
    """A by-hand profile's challenge: a session of its own for each device that comes with it."""
    enrollment, payload = _enrollment_of(request.challenge or "")
    row = (
        session()
        .execute(
            sa.select(IssuedCertificate, EnrollmentSession)
            .join(EnrollmentSession, EnrollmentSession.id == IssuedCertificate.session_id)
            .where(
                EnrollmentSession.enrollment_id == enrollment.id,
                IssuedCertificate.key_hash == key_hash,
            )
        )
        .first()
    )
    if row is not None:
        return _again(row[1], row[0], request, key_hash)
    enrollments.check(enrollment)
    enrollments.count(enrollment)
    passing = sessions.start(enrollment, "manual", "profiled")
    passing.payload = payload
    return _issue(passing, "mdm", request, challenge_hash, key_hash)


def _again(
    row: EnrollmentSession, issued: IssuedCertificate, request: ScepRequest, key_hash: str
) -> tuple[bytes, bytes]:
    if issued.transaction_id != request.transaction_id or issued.key_hash != key_hash:
        sessions.refuse(row, "the challenge was used already, for another key")
    if row.state not in sessions.OPEN:
        sessions.refuse(row, "the challenge was used up by this device's Authenticate")
    return issued.certificate, _ca_certificate(issued.ca_id)


def _issue(
    row: EnrollmentSession,
    slot: str,
    request: ScepRequest,
    challenge_hash: str,
    key_hash: str,
) -> tuple[bytes, bytes]:
    generation = ca.issuing()
    organization = state().settings.organization
    certificate = issuance.issue(
        request.csr.spki,
        generation.authority,
        subject=[("CN", row.uid), *([("O", organization)] if organization else [])],
        at=utcnow(),
        lifetime=ca.lifetime(),
    )
    facts = x509.facts(certificate)
    session().add(
        IssuedCertificate(
            ca_id=generation.id,
            session_id=row.id,
            slot=slot,
            challenge_hash=challenge_hash,
            transaction_id=request.transaction_id,
            key_hash=key_hash,
            serial=facts.serial,
            fingerprint=facts.fingerprint,
            certificate=certificate,
            not_before=facts.not_before,
            not_after=facts.not_after,
        )
    )
    session().flush()
    return certificate, generation.authority.certificate


def _session_of(challenge_hash: str) -> EnrollmentSession | None:
    return session().scalar(
        sa.select(EnrollmentSession)
        .where(
            sa.or_(
                EnrollmentSession.ota_challenge_hash == challenge_hash,
                EnrollmentSession.mdm_challenge_hash == challenge_hash,
            )
        )
        .with_for_update(of=EnrollmentSession)
    )


def _issued(row: EnrollmentSession, challenge_hash: str) -> IssuedCertificate | None:
    return session().scalar(
        sa.select(IssuedCertificate).where(
            IssuedCertificate.session_id == row.id,
            IssuedCertificate.challenge_hash == challenge_hash,
        )
    )


def _enrollment_of(challenge: str) -> tuple[Enrollment, dict[str, Any]]:
    """The by-hand enrollment of a counted challenge, and what its profile said.

    The row is locked: a request that comes twice at once must find what the first was given.
    """
    secret, _, number = challenge.rpartition(".")
    row = session().scalar(
        sa.select(Enrollment)
        .where(Enrollment.challenge_hash == sessions.hashed(secret))
        .with_for_update(of=Enrollment)
    )
    payloads = row.payloads or [] if row is not None else []
    if row is None or not _NUMBER.fullmatch(number) or int(number) >= len(payloads):
        raise EnrollmentRefused("the challenge is not one of ours")
    return row, payloads[int(number)]


def _ca_certificate(ca_id: int) -> bytes:
    for generation in ca.generations():
        if generation.id == ca_id:
            return generation.authority.certificate
    return _gone()


def _gone() -> NoReturn:
    raise EnrollmentRefused("the authority of this certificate is gone")
