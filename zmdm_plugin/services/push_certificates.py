"""Push certificates: taken in with their key, renewed under the same topic, never replaced."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import NotFound, ProtocolError, Refused
from zmdm_plugin.models import PushCertificate
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol import pem, x509
from zmdm_plugin.protocol.algorithms import PrivateKey
from zmdm_plugin.queues import defer
from zmdm_plugin.services import events, vault

WARN_BEFORE = timedelta(days=30)


def take(
    name: str, certificate: bytes, key: bytes, *, password: bytes | None = None
) -> PushCertificate:
    """Add a push certificate, or renew the one of this name; Refused with (field, why).

    `certificate` and `key` are PEM or DER files as Apple and people hand them out.
    """
    chain, private_key = _read(certificate, key, password)
    facts = x509.facts(chain[0])
    topic = _topic(chain[0])
    if facts.not_after <= utcnow():
        raise Refused("certificate", f"expired on {facts.not_after:%Y-%m-%d}")
    row = session().scalar(sa.select(PushCertificate).where(PushCertificate.name == name))
    renewed = row is not None and row.topic is not None
    if row is None:
        row = PushCertificate(name=name)
        session().add(row)
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
    events.record("push_certificate.taken", name=name, topic=topic, renewed=renewed)
    return row


def by_name(name: str) -> PushCertificate:
    row = session().scalar(sa.select(PushCertificate).where(PushCertificate.name == name))
    if row is None:
        raise NotFound(f"there is no push certificate {name!r}")
    return row


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


def _read(
    certificate: bytes, key: bytes, password: bytes | None
) -> tuple[tuple[bytes, ...], PrivateKey]:
    try:
        chain = pem.certificates(certificate)
    except ProtocolError as error:
        raise Refused("certificate", str(error)) from error
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
            PushCertificate.topic == topic, PushCertificate.id != (row.id or 0)
        )
    )
    if other is not None:
        raise Refused("certificate", f"has the topic of the push certificate {other!r}")
