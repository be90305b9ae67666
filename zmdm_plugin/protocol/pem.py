"""PEM as people upload it: bundles, glued blocks, text around them; encrypted keys on request."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol.algorithms import PrivateKey
from zmdm_plugin.protocol.boundary import refuses

# The five dashes of an end and those of the next begin may touch: "-----END X----------BEGIN Y".
_BLOCK: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----(.*?)-----END \1-----", re.DOTALL)
_CERTIFICATES: Final = frozenset({"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"})
_MAX_SIZE: Final = 1_048_576  # bytes


class BadPem(ProtocolError):
    """The text holds no usable PEM block of the kind that is needed."""


class EncryptedKey(BadPem):
    """The private key is encrypted and the password is missing or wrong."""


@dataclass(frozen=True, slots=True)
class PemBlock:
    """One block: its label, e.g. "CERTIFICATE", the decoded bytes, and the block as PEM."""

    label: str
    der: bytes
    pem: str = ""


def split(bundle: bytes | str) -> tuple[PemBlock, ...]:
    """Every PEM block in order, whatever stands between them; indented or reflowed lines too."""
    if len(bundle) > _MAX_SIZE:
        raise BadPem("the PEM text is too long")
    text = bundle if isinstance(bundle, str) else bundle.decode("utf-8", errors="replace")
    return tuple([_block(found[1], found[2]) for found in _BLOCK.finditer(text)])


def _block(label: str, body: str) -> PemBlock:
    headers, blank, rest = body.replace("\r\n", "\n").partition("\n\n")
    encoded = rest if blank and ":" in headers else body  # RFC 1421 headers of old encrypted keys
    compact = "".join(encoded.split())
    try:
        der = base64.b64decode(compact, validate=True)
    except (binascii.Error, ValueError):
        raise BadPem(f"the PEM block {label} is not base64") from None
    lines = "\n".join(compact[at : at + 64] for at in range(0, len(compact), 64))
    kept = f"{headers.strip()}\n\n" if encoded is not body else ""
    return PemBlock(label, der, f"-----BEGIN {label}-----\n{kept}{lines}\n-----END {label}-----\n")


@refuses(BadPem, "a certificate cannot be read")
def certificates(bundle: bytes | str) -> tuple[bytes, ...]:
    """The certificates (DER) of a PEM bundle, or the one of a DER file, each checked to parse."""
    if isinstance(bundle, bytes) and bundle[:1] == b"\x30":
        found: tuple[bytes, ...] = (bundle,)
    else:
        found = tuple([block.der for block in split(bundle) if block.label in _CERTIFICATES])
    if not found:
        raise BadPem("there is no certificate in the PEM text")
    for der in found:
        x509.load_der_x509_certificate(der)
    return found


def certificate_pem(der: bytes) -> str:
    """One certificate as PEM text with lines of 64 characters, as Apple's portals want it."""
    return _block("CERTIFICATE", base64.b64encode(der).decode("ascii")).pem


def private_key(data: bytes | str, password: bytes | None = None) -> PrivateKey:
    """The private key in a PEM text (or a DER file); encrypted ones need their password."""
    if isinstance(data, bytes) and data[:1] == b"\x30":
        return _load_key(data, "DER", password)
    blocks = [block for block in split(data) if block.label.endswith("PRIVATE KEY")]
    if not blocks:
        raise BadPem("there is no private key in the PEM text")
    return _load_key(blocks[0].pem.encode(), blocks[0].label, password)


@refuses(BadPem, "the kept private key cannot be read")
def kept_key(der: bytes) -> PrivateKey:
    """A private key (open PKCS #8 DER) that was kept sealed since `private_key_der` wrote it.

    It was checked when it came; OpenSSL's check of an RSA key costs 40 ms each time.
    """
    return _usable(
        serialization.load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
    )


@refuses(BadPem, "the private key cannot be read")
def _load_key(data: bytes, label: str, password: bytes | None) -> PrivateKey:
    encrypted = "ENCRYPTED" in label or b"Proc-Type: 4,ENCRYPTED" in data
    if encrypted and not password:
        raise EncryptedKey("the private key is encrypted: give its password or an open key")
    if label == "DER":
        key = serialization.load_der_private_key(data, password)
    else:
        try:
            key = serialization.load_pem_private_key(data, password if encrypted else None)
        except ValueError:
            if encrypted:
                raise EncryptedKey("the password does not open the private key") from None
            raise
    return _usable(key)


def _usable(key: object) -> PrivateKey:
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise BadPem("neither an RSA nor an elliptic curve private key")
    return key


def private_key_der(key: PrivateKey) -> bytes:
    """A private key as open PKCS #8 DER, to be sealed by the caller before it is stored."""
    return key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def fits(certificate: bytes, key: PrivateKey) -> bool:
    """Whether a certificate (DER) is about this key."""
    return x509.load_der_x509_certificate(certificate).public_key() == key.public_key()


@refuses(BadPem, "the certificate or its key cannot be read")
def pair(data: bytes | str, password: bytes | None = None) -> tuple[bytes, PrivateKey]:
    """Certificate (DER) and key out of one text, in any order; the key must fit a certificate."""
    key = private_key(data, password)
    for der in certificates(data):
        if fits(der, key):
            return der, key
    raise BadPem("the certificate and the private key do not belong together")
