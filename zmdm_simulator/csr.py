"""Certificate requests, with the oddities of real clients.

macOS has sent requests whose version says 2 and whose attributes are not in DER's order; strict
parsers refuse them, and then no Mac enrolls.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from zmdm_simulator import der
from zmdm_simulator.pki import Pairs, name

CHALLENGE_PASSWORD = "1.2.840.113549.1.9.7"
EXTENSION_REQUEST = "1.2.840.113549.1.9.14"
HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1,
    "sha256": hashes.SHA256,
    "sha512": hashes.SHA512,
}
RSA_WITH = {
    "sha1": "1.2.840.113549.1.1.5",
    "sha256": "1.2.840.113549.1.1.11",
    "sha512": "1.2.840.113549.1.1.13",
}
# The names that the SCEP payload's SubjectAltName knows.
ALT_NAMES: dict[str, Any] = {
    "rfc822Name": x509.RFC822Name,
    "dNSName": x509.DNSName,
    "uniformResourceIdentifier": x509.UniformResourceIdentifier,
}


@dataclass(frozen=True, slots=True)
class CsrOptions:
    """What is in a request, and how well it is made."""

    subject: Pairs
    challenge: str | None = None
    key_usage: int = 0  # Apple's bitmask: 1 signing, 4 encryption
    alt_names: tuple[tuple[str, str], ...] = ()
    digest: str = "sha256"
    version_two: bool = False
    unsorted: bool = False


def build(key: rsa.RSAPrivateKey, options: CsrOptions) -> bytes:
    """Return a signed PKCS#10 request in DER (or nearly so, if the options say that)."""
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    attributes = sorted(_attributes(options), reverse=options.unsorted)
    info = der.seq(
        der.integer(2 if options.version_two else 0),
        name(options.subject).public_bytes(),
        public,
        der.context(0, *attributes),
    )
    signature = key.sign(info, padding.PKCS1v15(), HASHES[options.digest]())
    return der.seq(info, der.algorithm(RSA_WITH[options.digest]), der.bits(signature))


def _attributes(options: CsrOptions) -> Iterable[bytes]:
    if options.challenge is not None:
        password = der.text(options.challenge)
        yield der.seq(der.oid(CHALLENGE_PASSWORD), der.set_of(password))
    extensions = b"".join(_extensions(options))
    if extensions:
        yield der.seq(der.oid(EXTENSION_REQUEST), der.set_of(der.seq(extensions)))


def _extensions(options: CsrOptions) -> Iterable[bytes]:
    if options.key_usage:
        usage = x509.KeyUsage(
            digital_signature=bool(options.key_usage & 1),
            key_encipherment=bool(options.key_usage & 4),
            content_commitment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=False,
            crl_sign=False,
            encipher_only=False,
            decipher_only=False,
        )
        yield _extension(usage)
    if names := [ALT_NAMES[kind](value) for kind, value in options.alt_names if kind in ALT_NAMES]:
        yield _extension(x509.SubjectAlternativeName(names))


def _extension(value: x509.ExtensionType) -> bytes:
    return der.seq(der.oid(value.oid.dotted_string), der.octets(value.public_bytes()))
