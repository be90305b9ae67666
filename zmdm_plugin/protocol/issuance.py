"""The built-in certificate authority: its own certificate, and those of devices (RFC 5280)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from zmdm_plugin.protocol.algorithms import PublicKey, usable_key
from zmdm_plugin.protocol.boundary import refuses
from zmdm_plugin.protocol.names import write_name
from zmdm_plugin.protocol.x509 import BadCertificate

CLOCK_SKEW: Final = timedelta(minutes=10)  # device clocks run late at first boot
CA_LIFETIME: Final = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate (DER) that may issue, with its private key."""

    certificate: bytes
    key: rsa.RSAPrivateKey


def new_rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """A fresh RSA key: 2048 bits take about 50 ms, 4096 up to a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def make_ca(
    subject: Iterable[tuple[str, str]],
    key: rsa.RSAPrivateKey,
    *,
    at: datetime,
    lifetime: timedelta = CA_LIFETIME,
) -> bytes:
    """A self-signed authority certificate (DER).

    RSA with keyEncipherment, since SCEP clients seal their requests to it; pathlen 0, since it
    issues to devices only.
    """
    return _self_signed(write_name(subject), key, at=at, lifetime=lifetime)


def renew_ca(
    certificate: bytes,
    key: rsa.RSAPrivateKey,
    *,
    at: datetime,
    lifetime: timedelta = CA_LIFETIME,
) -> bytes:
    """The next generation of an authority: same name, new dates.

    With the former key it verifies what the former issued; with a new key both are to be trusted.
    """
    former = x509.load_der_x509_certificate(certificate)
    return _self_signed(former.subject, key, at=at, lifetime=lifetime)


def _self_signed(
    name: x509.Name, key: rsa.RSAPrivateKey, *, at: datetime, lifetime: timedelta
) -> bytes:
    usable_key(key.public_key(), minimum_rsa_bits=2048)
    start = _whole_seconds(at)
    builder = _builder(name, name, key=key.public_key(), start=start, end=start + lifetime)
    key_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage("digital_signature", "key_encipherment", "key_cert_sign"), True)
        .add_extension(key_id, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(key_id), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.DER)


@refuses(BadCertificate, "no certificate can be issued for this key and subject")
def issue(
    spki: bytes,
    authority: Authority,
    *,
    subject: Iterable[tuple[str, str]],
    at: datetime,
    lifetime: timedelta,
    key_encipherment: bool = True,
    alternative_names: Iterable[x509.GeneralName] = (),
) -> bytes:
    """A device identity (DER) for a public key: signs, authenticates clients, and nothing else.

    Subject and validity are ours to say, never the request's. It never outlives its authority.
    """
    issuer = x509.load_der_x509_certificate(authority.certificate)
    key = usable_key(serialization.load_der_public_key(spki), minimum_rsa_bits=2048)
    usages = ["digital_signature"]
    if key_encipherment and isinstance(key, rsa.RSAPublicKey):
        usages.append("key_encipherment")  # so that a SCEP reply can be sealed to it at renewal
    start = _whole_seconds(at)
    builder = _builder(
        write_name(subject),
        issuer.subject,
        key=key,
        start=start,
        end=min(start + lifetime, issuer.not_valid_after_utc),
    )
    if names := list(alternative_names):
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    certificate = (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(*usages), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(_authority_key_id(issuer), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.DER)


def _builder(
    subject: x509.Name, issuer: x509.Name, *, key: PublicKey, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - CLOCK_SKEW)
        .not_valid_after(end)
    )


def _whole_seconds(at: datetime) -> datetime:
    """Certificates know no fractions; a naive time would silently mean another moment."""
    if at.tzinfo is None:
        raise BadCertificate("a time without its zone")
    return at.astimezone(UTC).replace(microsecond=0)


def _usage(*names: str) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature="digital_signature" in names,
        content_commitment=False,
        key_encipherment="key_encipherment" in names,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign="key_cert_sign" in names,
        crl_sign="key_cert_sign" in names,
        encipher_only=False,
        decipher_only=False,
    )


def _authority_key_id(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """The issuer's own key id if it has one: an uploaded authority may have made it otherwise."""
    try:
        key_id = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(
            usable_key(issuer.public_key(), minimum_rsa_bits=2048)
        )
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(key_id.value)
