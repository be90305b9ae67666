"""Keys and certificates of the played world: identities, the device CA, strangers."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

DEVICE_CA_NAME = (
    ("C", "US"),
    ("O", "Apple Inc."),
    ("OU", "Apple iPhone"),
    ("CN", "Apple iPhone Device CA"),
)
# Real factory keys have 1024 bits (a server must not demand more of them).
FACTORY_KEY_BITS = 1024
NAME_OIDS = {
    "C": NameOID.COUNTRY_NAME,
    "CN": NameOID.COMMON_NAME,
    "L": NameOID.LOCALITY_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "ST": NameOID.STATE_OR_PROVINCE_NAME,
    "DC": NameOID.DOMAIN_COMPONENT,
    "UID": NameOID.USER_ID,
    "SERIALNUMBER": NameOID.SERIAL_NUMBER,
    "EMAIL": NameOID.EMAIL_ADDRESS,
}
Pairs = Sequence[tuple[str, str]]


def now() -> datetime:
    """Return the present moment; certificates know whole seconds only."""
    return datetime.now(UTC).replace(microsecond=0)


def new_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """Make an RSA key (about 10 ms for 1024 bits, 60 ms for 2048)."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def name(pairs: Pairs) -> x509.Name:
    """Make a distinguished name of ("CN", "x") pairs; dotted OIDs may stand for short names."""
    return x509.Name(
        [
            x509.NameAttribute(
                NAME_OIDS.get(key.upper()) or x509.ObjectIdentifier(key), value, _validate=False
            )
            for key, value in pairs
        ]
    )


def pem(certificate: x509.Certificate) -> bytes:
    """Return a certificate in PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def der(certificate: x509.Certificate) -> bytes:
    """Return a certificate in DER."""
    return certificate.public_bytes(serialization.Encoding.DER)


def key_pem(key: rsa.RSAPrivateKey) -> bytes:
    """Return a private key in unencrypted PKCS#8 PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def load_key(data: bytes) -> rsa.RSAPrivateKey:
    """Read an unencrypted RSA key in PEM; ValueError for any other kind."""
    # The check of an RSA key costs 40 ms, and these are keys that we wrote ourselves.
    key = serialization.load_pem_private_key(
        data, password=None, unsafe_skip_rsa_key_validation=True
    )
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("an RSA key is needed")
    return key


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate with its key, and the certificates between it and its root."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, lower-case hex."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    def to_pem(self) -> str:
        """Return certificate, key and chain as one PEM text."""
        parts = [pem(self.certificate), key_pem(self.key), *(pem(item) for item in self.chain)]
        return b"".join(parts).decode()

    @classmethod
    def from_pem(cls, text: str) -> Identity:
        """Read what `to_pem` wrote."""
        first, *rest = x509.load_pem_x509_certificates(text.encode())
        return cls(first, load_key(text.encode()), tuple(rest))


def issue(
    subject: x509.Name,
    public_key: rsa.RSAPublicKey,
    *,
    issuer: Identity | None,
    key: rsa.RSAPrivateKey,
    not_before: datetime,
    not_after: datetime,
    ca: bool = False,
) -> x509.Certificate:
    """Sign a certificate with `key`; without an issuer it is self-signed."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=0 if ca else None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                key_encipherment=not ca,
                key_cert_sign=ca,
                crl_sign=ca,
                content_commitment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    return builder.sign(key, hashes.SHA256())


def self_signed(
    subject: Pairs | x509.Name, *, key: rsa.RSAPrivateKey, at: datetime | None = None
) -> Identity:
    """Make an identity that nobody vouches for: what signs a SCEP request, or a stranger's."""
    at = at or now()
    certificate = issue(
        subject if isinstance(subject, x509.Name) else name(subject),
        key.public_key(),
        issuer=None,
        key=key,
        not_before=at - timedelta(minutes=10),
        not_after=at + timedelta(days=365),
    )
    return Identity(certificate, key)


@dataclass(frozen=True, slots=True)
class DeviceCA:
    """Plays the CA that gives each device its factory certificate."""

    identity: Identity

    @classmethod
    def create(cls, *, bits: int = 2048, expired: bool = False) -> DeviceCA:
        """Make a new one; Apple's own certificate ended in 2014, and `expired` plays that."""
        key, at = new_key(bits), now()
        began, ended = at - timedelta(days=7000), at - timedelta(days=4000)
        if not expired:
            began, ended = at - timedelta(days=1), at + timedelta(days=3650)
        certificate = issue(
            name(DEVICE_CA_NAME),
            key.public_key(),
            issuer=None,
            key=key,
            not_before=began,
            not_after=ended,
            ca=True,
        )
        return cls(Identity(certificate, key))

    @classmethod
    def load(cls, folder: Path) -> DeviceCA:
        """Read `device-ca.pem` and `device-ca-key.pem`, which the played Apple wrote."""
        certificate = x509.load_pem_x509_certificate((folder / "device-ca.pem").read_bytes())
        return cls(Identity(certificate, load_key((folder / "device-ca-key.pem").read_bytes())))

    def issue(
        self, common_name: str | None = None, *, key: rsa.RSAPrivateKey | None = None
    ) -> Identity:
        """Give a device its factory identity; the common name is a UUID, as on real ones."""
        key, at = key or new_key(FACTORY_KEY_BITS), now()
        pairs = (
            ("O", "Apple Inc."),
            ("OU", "iPhone"),
            ("CN", common_name or str(uuid.uuid4()).upper()),
        )
        certificate = issue(
            name(pairs),
            key.public_key(),
            issuer=self.identity,
            key=self.identity.key,
            not_before=at - timedelta(days=1),
            not_after=at + timedelta(days=1095),
        )
        return Identity(certificate, key, (self.identity.certificate,))
