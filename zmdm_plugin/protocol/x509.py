"""What a certificate says, as a frozen value; trust is decided in `chain`, making in `issuance`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol.boundary import refuses
from zmdm_plugin.protocol.names import Subject, read_name

TOPIC_PREFIX: Final = "com.apple.mgmt."
_USAGES: Final = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
)


class BadCertificate(ProtocolError):
    """The bytes are no certificate, or not one for this purpose."""


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """A certificate in plain values; times are aware UTC, serial and fingerprint lower-case hex.

    `key_usage` and `extended_key_usage` are None when the certificate does not limit its use;
    the latter holds dotted object identifiers. `key_type` is "rsa", "ec" or "other".
    """

    der: bytes
    fingerprint: str
    serial: str
    subject: Subject
    issuer: Subject
    not_before: datetime
    not_after: datetime
    spki: bytes
    key_type: str
    key_bits: int
    key_usage: frozenset[str] | None
    extended_key_usage: frozenset[str] | None
    is_ca: bool

    def subject_part(self, kind: str) -> str | None:
        """The first subject part of a kind ("CN", "UID", "serialNumber" …), if there is one."""
        return next((value for short, value in self.subject if short == kind), None)

    @property
    def common_name(self) -> str | None:
        """The subject's CN."""
        return self.subject_part("CN")

    @property
    def user_id(self) -> str | None:
        """The subject's UID, where Apple's push certificates carry their topic."""
        return self.subject_part("UID")


def fingerprint(der: bytes) -> str:
    """SHA-256 of the encoded certificate in lower-case hex: how devices are found."""
    return sha256(der).hexdigest()


@refuses(BadCertificate, "the certificate cannot be read")
def facts(der: bytes) -> CertificateFacts:
    """Read a certificate (DER)."""
    certificate = x509.load_der_x509_certificate(der)
    key = certificate.public_key()
    key_type = "other"
    if isinstance(key, rsa.RSAPublicKey):
        key_type = "rsa"
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key_type = "ec"
    return CertificateFacts(
        der=der,
        fingerprint=fingerprint(der),
        serial=f"{certificate.serial_number:x}",
        subject=read_name(certificate.subject.public_bytes()),
        issuer=read_name(certificate.issuer.public_bytes()),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        spki=spki_of(certificate),
        key_type=key_type,
        key_bits=int(getattr(key, "key_size", 0)),
        key_usage=_key_usage(certificate),
        extended_key_usage=_extended_key_usage(certificate),
        is_ca=is_ca(certificate),
    )


def spki_of(certificate: x509.Certificate) -> bytes:
    """The SubjectPublicKeyInfo (DER) of a loaded certificate."""
    return certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def is_ca(certificate: x509.Certificate) -> bool:
    """Whether the certificate says that it is one of an authority."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _key_usage(certificate: x509.Certificate) -> frozenset[str] | None:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None
    return frozenset(name for name in _USAGES if getattr(usage, name))


def _extended_key_usage(certificate: x509.Certificate) -> frozenset[str] | None:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return None
    return frozenset(purpose.dotted_string for purpose in usage)


def push_topic(der: bytes) -> str:
    """The APNs topic of an MDM push certificate: its subject UID, `com.apple.mgmt.…`.

    https://developer.apple.com/documentation/devicemanagement/setting-up-push-notifications-for-your-mdm-customers
    """
    topic = facts(der).user_id
    if topic is None or not topic.startswith(TOPIC_PREFIX):
        raise BadCertificate(
            f"not an MDM push certificate: its subject has no UID that starts with {TOPIC_PREFIX}"
        )
    return topic
