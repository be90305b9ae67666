"""Certificate requests (PKCS #10, RFC 2986) as devices really send them.

macOS has sent version 2 and unsorted attribute sets, which strict parsers refuse; so the request
is taken apart here, and its signature is checked over the very bytes that came.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives import serialization

from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol.algorithms import signature_scheme, usable_key, verify
from zmdm_plugin.protocol.boundary import refuses
from zmdm_plugin.protocol.names import Subject, read_name
from zmdm_plugin.protocol.tlv import (
    BIT_STRING,
    INTEGER,
    OID,
    SEQUENCE,
    SET,
    expect,
    inside,
    oid_content,
    read,
    read_all,
    text,
)

_CHALLENGE: Final = oid_content("1.2.840.113549.1.9.7")
_ATTRIBUTES: Final = 0xA0
_MAX_SIZE: Final = 65536  # bytes


class BadCsr(ProtocolError):
    """The bytes are no certificate request that can be honoured."""


@dataclass(frozen=True, slots=True)
class Csr:
    """A verified request: wished subject, key (SPKI, re-encoded as DER), challenge, digest name."""

    der: bytes
    subject: Subject
    spki: bytes
    challenge: str | None
    digest: str


@refuses(BadCsr, "the certificate request cannot be read")
def parse_csr(der: bytes, *, minimum_rsa_bits: int = 2048) -> Csr:
    """Read a request and check that its sender has the private key."""
    if len(der) > _MAX_SIZE:
        raise BadCsr("the certificate request is too long")
    info, algorithm, signature = inside(read(der))[:3]
    version, subject, spki, *rest = inside(info)
    expect(version, INTEGER)
    key = usable_key(
        serialization.load_der_public_key(expect(spki, SEQUENCE).raw),
        minimum_rsa_bits=minimum_rsa_bits,
    )
    scheme = signature_scheme(algorithm)
    signed = expect(signature, BIT_STRING).content
    if signed[:1] != b"\0":  # the count of unused bits
        raise BadCsr("the signature of the certificate request is no whole number of bytes")
    verify(key, signed[1:], message=info.raw, scheme=scheme)
    attributes = rest[0].content if rest and rest[0].tag == _ATTRIBUTES else b""
    return Csr(
        der=der,
        subject=read_name(subject.raw),
        spki=key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        challenge=_challenge(attributes),
        digest=scheme.digest,
    )


def _challenge(attributes: bytes) -> str | None:
    """The challengePassword; one that stands twice could be read two ways, so it is refused."""
    found: list[str] = []
    for attribute in read_all(attributes):
        kind, values = inside(attribute)[:2]
        if expect(kind, OID).content == _CHALLENGE:
            found.extend(text(value) for value in inside(values, SET))
    if len(found) > 1:
        raise BadCsr("the certificate request has more than one challenge")
    return found[0] if found else None
