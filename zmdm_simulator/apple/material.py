"""The keys and certificates of the played Apple, made once and kept in a folder.

Four small authorities stand side by side, as at Apple, so that trusting one never means trusting
another: the one of the push server's TLS certificate, the one of push certificates (client
certificates of MDM servers), and the one of the devices' factory certificates.
"""

from __future__ import annotations

import ipaddress
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
TOPIC_PREFIX = "com.apple.mgmt.External."


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate that may sign others, with its key."""

    certificate: x509.Certificate
    key: Key


@dataclass(frozen=True, slots=True)
class Validity:
    """From when to when a certificate holds (aware UTC)."""

    start: datetime
    end: datetime

    @classmethod
    def of_days(cls, days: int) -> Validity:
        """Start an hour ago, for clocks that differ, and hold for so many days."""
        now = datetime.now(UTC).replace(microsecond=0)
        return cls(now - timedelta(hours=1), now + timedelta(days=days))

    @classmethod
    def past(cls) -> Validity:
        """Ended yesterday: what an expired certificate looks like."""
        now = datetime.now(UTC).replace(microsecond=0)
        return cls(now - timedelta(days=400), now - timedelta(days=1))


def _name(*parts: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])


def _apple(common_name: str, unit: str) -> x509.Name:
    return _name(
        (NameOID.COUNTRY_NAME, "US"),
        (NameOID.ORGANIZATION_NAME, "Apple Inc."),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
        (NameOID.COMMON_NAME, common_name),
    )


def new_key(*, rsa_bits: int = 0) -> Key:
    """Make a P-256 key, which is cheap in handshakes, or an RSA key of so many bits."""
    if rsa_bits:
        return rsa.generate_private_key(public_exponent=65537, key_size=rsa_bits)
    return ec.generate_private_key(ec.SECP256R1())


def new_authority(subject: x509.Name, validity: Validity, *, key: Key | None = None) -> Authority:
    """Make a self-signed authority for leaf certificates only."""
    key = key or new_key()
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    builder = _builder(subject, subject, key, validity).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    builder = builder.add_extension(usage, critical=True)
    return Authority(builder.sign(key, hashes.SHA256()), key)


def issue(
    authority: Authority,
    subject: x509.Name,
    *,
    key: Key,
    validity: Validity,
    extensions: Sequence[x509.ExtensionType] = (),
) -> x509.Certificate:
    """Sign a leaf certificate."""
    builder = _builder(subject, authority.certificate.subject, key, validity).add_extension(
        x509.BasicConstraints(ca=False, path_length=None), critical=True
    )
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(
        authority.certificate.public_key()  # type: ignore[arg-type]
    )
    for extension in (issuer_key, *extensions):
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(authority.key, hashes.SHA256())


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Key, validity: Validity
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity.start)
        .not_valid_after(validity.end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def issue_push_certificate(
    authority: Authority, *, topic: str, validity: Validity, key: Key
) -> x509.Certificate:
    """Make what Apple's push certificate portal hands out: subject UID = topic, CN = APSP:uuid."""
    subject = _name(
        (NameOID.USER_ID, topic),
        (NameOID.COMMON_NAME, "APSP:" + topic.removeprefix(TOPIC_PREFIX)),
        (NameOID.COUNTRY_NAME, "US"),
    )
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    return issue(authority, subject, key=key, validity=validity, extensions=(usage,))


def certificate_pem(certificate: x509.Certificate) -> bytes:
    """Encode a certificate for a file."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def key_pem(key: Key) -> bytes:
    """Encode a key, unencrypted, for a file that only its owner may read."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@dataclass(frozen=True, slots=True)
class Material:
    """Where each file of the played Apple lies; `prepare` fills what is missing."""

    folder: Path

    def path(self, name: str) -> Path:
        """Name a file of the folder."""
        return self.folder / name

    def authority(self, name: str) -> Authority:
        """Read `name.pem` and `name-key.pem`, so that more certificates can be signed."""
        certificate = x509.load_pem_x509_certificate(self.path(f"{name}.pem").read_bytes())
        key = serialization.load_pem_private_key(
            self.path(f"{name}-key.pem").read_bytes(), password=None
        )
        if not isinstance(key, (ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey)):
            raise ValueError(f"{name}-key.pem holds a key of a kind that is not used here")
        return Authority(certificate, key)

    def prepare(self, *, expired_device_ca: bool = False) -> Material:
        """Make what is missing, replace what has expired but a device CA meant to be so."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._authority("apns-ca", _apple("Played Apple Server CA", "Played"), rsa_bits=0)
        self._authority("push-ca", _apple("Played Apple Push CA", "Played"), rsa_bits=2048)
        self._authority(
            "device-ca",
            _apple("Apple iPhone Device CA", "Apple iPhone"),
            rsa_bits=2048,
            validity=Validity.past() if expired_device_ca else None,
        )
        self._server()
        self._push()
        return self

    def topic(self) -> str:
        """Read the topic from the push certificate's subject."""
        certificate = x509.load_pem_x509_certificate(self.path("push-cert.pem").read_bytes())
        return str(certificate.subject.get_attributes_for_oid(NameOID.USER_ID)[0].value)

    def _authority(
        self, name: str, subject: x509.Name, *, rsa_bits: int, validity: Validity | None = None
    ) -> None:
        if self.path(f"{name}.pem").exists() and self.path(f"{name}-key.pem").exists():
            return
        key = new_key(rsa_bits=rsa_bits)
        made = new_authority(subject, validity or Validity.of_days(3650), key=key)
        self._write(name, certificate_pem(made.certificate), f"{name}-key", key_pem(key))

    def _server(self) -> None:
        if _holds(self.path("apns-server.pem")):
            return
        key = new_key()
        names = x509.SubjectAlternativeName(
            [
                x509.DNSName("localhost"),
                x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
                x509.IPAddress(ipaddress.ip_address("::1")),
            ]
        )
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        certificate = issue(
            self.authority("apns-ca"),
            _name((NameOID.COMMON_NAME, "localhost")),
            key=key,
            validity=Validity.of_days(800),
            extensions=(names, usage),
        )
        self._write("apns-server", certificate_pem(certificate), "apns-server-key", key_pem(key))

    def _push(self) -> None:
        path = self.path("push-cert.pem")
        if _holds(path):
            return
        # A renewal keeps its topic, as at Apple: devices were enrolled with it.
        topic = self.topic() if path.exists() else f"{TOPIC_PREFIX}{uuid.uuid4()}"
        key = new_key(rsa_bits=2048)
        certificate = issue_push_certificate(
            self.authority("push-ca"), topic=topic, validity=Validity.of_days(365), key=key
        )
        self._write("push-cert", certificate_pem(certificate), "push-key", key_pem(key))

    def _write(self, name: str, certificate: bytes, key_name: str, key: bytes) -> None:
        """Write the key first: a certificate in the folder always has its key."""
        for file_name, content, mode in ((key_name, key, 0o600), (name, certificate, 0o644)):
            temporary = self.path(f".{file_name}.{os.getpid()}")
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
            temporary.replace(self.path(f"{file_name}.pem"))


def _holds(path: Path) -> bool:
    if not path.exists():
        return False
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    return certificate.not_valid_after_utc > datetime.now(UTC) + timedelta(days=7)
