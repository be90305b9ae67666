"""Push certificates: made or taken in with their key, renewed under the same topic, never replaced.

The key that a certificate request is made with stays for its renewals, so that a request may be
downloaded as often as wanted and any certificate that Apple makes of it fits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict, NotFound, ProtocolError, Refused
from zmdm_plugin.models import Device, Enrollment, PushCertificate
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol import pem, push_request, x509
from zmdm_plugin.protocol.algorithms import PrivateKey
from zmdm_plugin.protocol.issuance import new_rsa_key
from zmdm_plugin.queues import defer
from zmdm_plugin.services import audit, events, vault, vendor_certificates
from zmdm_plugin.state import state

WARN_BEFORE = timedelta(days=30)
WARNINGS = (1, 7, 14, 30)
"""Days before the end at which a warning begins, each more urgent than the next."""
_LONGEST_NAME = 256
_LONGEST_CN = 64


@dataclass(frozen=True, slots=True)
class Expiry:
    """A warning: `days` is the step of WARNINGS that was reached, 0 once it has ended."""

    days: int
    words: str

    @property
    def urgent(self) -> bool:
        """Whether a week is left, or less."""
        return self.days <= 7


def create(name: str, *, actor: Actor) -> PushCertificate:
    """A push certificate to be: its key is made here, its request goes to Apple."""
    row = _new(name)
    vault.seal(row, "private_key", pem.private_key_der(new_rsa_key()))
    _flush_name()
    audit.record(actor, "push_certificate.create", row, after=audit.snapshot(row))
    return row


def add(
    name: str, certificate: bytes, key: bytes, *, actor: Actor, password: bytes | None = None
) -> PushCertificate:
    """Take in a certificate with its key under a new name; Refused with (field, why)."""
    row = _new(name)
    chain, private_key = _read(certificate, key, password)
    _put(row, chain, private_key)
    _flush_name()
    audit.record(actor, "push_certificate.add", row, after=audit.snapshot(row))
    return row


def upload(
    row: PushCertificate,
    certificate: bytes,
    *,
    actor: Actor,
    key: bytes | None = None,
    password: bytes | None = None,
) -> PushCertificate:
    """The first certificate or a renewed one; without `key` it must fit the one that is here."""
    row = _locked(row)
    renewed, before = row.topic is not None, audit.snapshot(row)
    if key is not None:
        chain, private_key = _read(certificate, key, password)
    else:
        chain, private_key = _certificates(certificate), _own_key(row)
        if not pem.fits(chain[0], private_key):
            raise Refused(
                "certificate",
                "was not made for the key that is kept here: upload its own key with it, or have "
                "Apple make one of the request that this page gives",
            )
    _put(row, chain, private_key)
    action = "push_certificate.renew" if renewed else "push_certificate.upload"
    audit.record(actor, action, row, before=before, after=audit.snapshot(row))
    return row


def take(
    name: str, certificate: bytes, key: bytes, *, password: bytes | None = None
) -> PushCertificate:
    """Add a push certificate, or renew the one of this name; Refused with (field, why).

    `certificate` and `key` are PEM or DER files as Apple and people hand them out.
    """
    chain, private_key = _read(certificate, key, password)
    row = session().scalar(sa.select(PushCertificate).where(PushCertificate.name == name))
    if row is None:
        row = _new(name)
    _put(row, chain, private_key)
    return row


def csr(row: PushCertificate) -> bytes:
    """The request (DER) for a certificate of the key that is here; Conflict without one."""
    subject = [("CN", row.name[:_LONGEST_CN])]
    if organization := state().settings.organization:
        subject.append(("O", organization[:_LONGEST_CN]))
    if row.private_key is None:
        raise Conflict("the push certificate has no key")
    return push_request.make_csr(_own_key(row), subject)


def signed_csr(row: PushCertificate, *, actor: Actor) -> bytes:
    """The request as Apple's portal takes it, signed with the vendor certificate."""
    signed = vendor_certificates.sign(csr(row), vendor_certificates.of_settings())
    audit.record(actor, "push_certificate.sign_csr", row)
    return signed


def uses(row: PushCertificate) -> tuple[int, int]:
    """How many enrollments and how many devices need it."""
    enrollments, devices = (
        session().scalar(sa.select(sa.func.count()).where(column == row.id)) or 0
        for column in (Enrollment.push_certificate_id, Device.push_certificate_id)
    )
    return enrollments, devices


def delete(row: PushCertificate, *, actor: Actor) -> None:
    """Take out one that nothing uses, with its key; Conflict says what uses it."""
    row = _locked(row)
    enrollments, devices = uses(row)
    if enrollments or devices:
        raise Conflict(
            f"the push certificate is used by enrollments: {enrollments}, devices: {devices}"
        )
    audit.record(actor, "push_certificate.delete", row, before=audit.snapshot(row))
    session().delete(row)
    try:
        session().flush()
    except IntegrityError:
        raise Conflict("an enrollment began to use the push certificate just now") from None
    events.record("push_certificate.deleted", name=row.name, topic=row.topic)


def expiry(not_after: datetime | None, now: datetime) -> Expiry | None:
    """The warning that is due now: 30, 14, 7 and 1 days ahead, and after the end."""
    if not_after is None or not_after - now > WARN_BEFORE:
        return None
    left = not_after - now
    if left <= timedelta(0):
        return Expiry(0, f"Expired on {not_after:%Y-%m-%d}: no device can be woken.")
    step = next(days for days in WARNINGS if left <= timedelta(days=days))
    much = "today or tomorrow" if left <= timedelta(days=1) else f"in {left.days} days"
    return Expiry(step, f"Expires {much}, on {not_after:%Y-%m-%d}: renew it in Apple's portal.")


def by_name(name: str) -> PushCertificate:
    row = session().scalar(sa.select(PushCertificate).where(PushCertificate.name == name))
    if row is None:
        raise NotFound(f"there is no push certificate {name!r}")
    return row


def resting(device: Device) -> str:
    """Why nothing is pushed with the device's push certificate, in a sentence; empty if it is."""
    if device.push_certificate_id is None:
        return ""
    row = session().get(PushCertificate, device.push_certificate_id)
    if row is None or (row.broken_at is None and row.not_after and row.not_after > utcnow()):
        return ""
    return f"Not pushed: the push certificate “{row.name}” rests ({condition(row)})."


def condition(row: PushCertificate) -> str:
    """One line for people: how long it holds, and whether pushes rest and why."""
    if row.certificate is None or row.not_after is None:
        return "no certificate yet"
    left = row.not_after - utcnow()
    if left <= timedelta(0):
        said = f"EXPIRED on {row.not_after:%Y-%m-%d}: renew it in Apple's portal"
    elif left <= WARN_BEFORE:
        said = f"until {row.not_after:%Y-%m-%d}, in {left.days} days: renew it in Apple's portal"
    else:
        said = f"until {row.not_after:%Y-%m-%d}"
    if row.broken_at is not None:
        said += f"; no pushes since {row.broken_at:%Y-%m-%d %H:%M} UTC: {row.broken_reason}"
        if row.retry_at is not None:
            said += f", tried again {row.retry_at:%H:%M} UTC"
    return said


def _new(name: str) -> PushCertificate:
    if not name.strip() or len(name) > _LONGEST_NAME:
        raise Refused("name", f"must have 1 to {_LONGEST_NAME} characters")
    if not name.isprintable():
        raise Refused("name", "has characters that cannot be shown")
    if session().scalar(sa.select(PushCertificate.id).where(PushCertificate.name == name)):
        raise Refused("name", "there is one with this name: update it instead")
    row = PushCertificate(name=name)
    session().add(row)
    return row


def _flush_name() -> None:
    try:
        session().flush()
    except IntegrityError:  # another one was quicker
        raise Refused("name", "there is one with this name or topic: update it instead") from None


def _locked(row: PushCertificate) -> PushCertificate:
    """The row as it is now, held until the transaction ends."""
    found = session().get(PushCertificate, row.id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound("the push certificate was deleted meanwhile")
    return found


def _put(row: PushCertificate, chain: tuple[bytes, ...], private_key: PrivateKey) -> None:
    """Use this certificate from now on; Refused for one that would strand enrolled devices."""
    facts = x509.facts(chain[0])
    topic = _topic(chain[0])
    if facts.not_after <= utcnow():
        raise Refused("certificate", f"expired on {facts.not_after:%Y-%m-%d}")
    renewed = row.topic is not None
    if row.topic is not None and row.topic != topic:
        raise Refused(
            "certificate",
            f"has the topic {topic}, but devices enrolled with {row.topic}: in Apple's portal "
            "choose Renew for the existing certificate, not Create",
        )
    _check_unused(row, topic)
    row.topic = topic
    row.certificate = "".join(pem.certificate_pem(der) for der in chain)
    row.not_before, row.not_after = facts.not_before, facts.not_after
    row.taken_at = utcnow()  # tokens that Apple refused under the former one get a try
    row.broken_at = row.broken_reason = row.retry_at = None
    vault.seal(row, "private_key", pem.private_key_der(private_key))
    session().flush()
    defer("push.flush", once="push.flush")
    events.record("push_certificate.taken", name=row.name, topic=topic, renewed=renewed)


def _own_key(row: PushCertificate) -> PrivateKey:
    key = vault.unseal(row, "private_key")
    if key is None:
        raise Refused("key", "is needed, for none is kept here")
    return pem.kept_key(key)


def _certificates(certificate: bytes) -> tuple[bytes, ...]:
    try:
        return pem.certificates(certificate)
    except ProtocolError as error:
        raise Refused("certificate", str(error)) from error


def _read(
    certificate: bytes, key: bytes, password: bytes | None
) -> tuple[tuple[bytes, ...], PrivateKey]:
    chain = _certificates(certificate)
    try:
        private_key = pem.private_key(key, password)
    except ProtocolError as error:
        raise Refused("key", str(error)) from error
    if not pem.fits(chain[0], private_key):
        raise Refused("key", "is not the key of this certificate")
    return chain, private_key


def _topic(certificate: bytes) -> str:
    try:
        return x509.push_topic(certificate)
    except ProtocolError as error:
        raise Refused("certificate", str(error)) from error


def _check_unused(row: PushCertificate, topic: str) -> None:
    other = session().scalar(
        sa.select(PushCertificate.name).where(
            PushCertificate.topic == topic, PushCertificate.uid != row.uid
        )
    )
    if other is not None:
        raise Refused("certificate", f"has the topic of the push certificate {other!r}")
