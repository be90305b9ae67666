"""CMS SignedData (RFC 5652 section 5) taken apart, DER and BER alike; nothing is verified here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol.algorithms import SignatureScheme, digest_name, signature_scheme
from zmdm_plugin.protocol.names import same_name
from zmdm_plugin.protocol.tlv import (
    INTEGER,
    OID,
    SEQUENCE,
    SET,
    Tlv,
    expect,
    inside,
    octets,
    oid_content,
    read,
    read_all,
    write,
    write_set,
)
from zmdm_plugin.protocol.x509 import spki_of

SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
DATA: Final = "1.2.840.113549.1.7.1"
_SIGNED_DATA = oid_content(SIGNED_DATA)
_EXPLICIT_0 = 0xA0
_EXPLICIT_1 = 0xA1
_KEY_ID = 0x80
_MAX_SIGNERS = 4
_MAX_CERTIFICATES = 32
_MAX_CERTIFICATE = 16_384  # bytes, since it is kept; real ones have one to two thousand


class MalformedCms(ProtocolError):
    """The bytes are not the CMS structure that belongs there."""


@dataclass(frozen=True, slots=True)
class SignedAttributes:
    """Signed attributes: values by OID content bytes, and the bytes that may have been signed."""

    values: dict[bytes, bytes]
    signed_forms: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class SignerInfo:
    """One signer: who (issuer and serial, or key id), how, and over which attributes."""

    issuer: bytes | None
    serial: bytes | None
    key_id: bytes | None
    digest: str
    scheme: SignatureScheme
    signature: bytes
    attributes: SignedAttributes | None


@dataclass(frozen=True, slots=True)
class SignedData:
    """A parsed SignedData; `content` is None when detached, `content_type` is OID content bytes."""

    content_type: bytes
    content: bytes | None
    certificates: tuple[bytes, ...]
    signers: tuple[SignerInfo, ...]


@dataclass(frozen=True, slots=True)
class KnownCertificate:
    """What verifying needs of a certificate, kept so that a busy device is not parsed again."""

    der: bytes
    fingerprint: str
    key: PublicKeyTypes
    issuer: bytes
    serial: bytes
    key_id: bytes | None
    spki: bytes


@lru_cache(maxsize=2048)
def known(der: bytes) -> KnownCertificate:
    """Load a certificate once; sizes of keys are checked by the caller, who knows the minimum."""
    if len(der) > _MAX_CERTIFICATE:
        raise MalformedCms("the certificate is too long")
    certificate = x509.load_der_x509_certificate(der)
    issuer, serial = issuer_and_serial(der)
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        key_id = extension.value.digest
    except x509.ExtensionNotFound:
        key_id = None
    return KnownCertificate(
        der=der,
        fingerprint=sha256(der).hexdigest(),
        key=certificate.public_key(),
        issuer=issuer,
        serial=serial,
        key_id=key_id,
        spki=spki_of(certificate),
    )


def issuer_and_serial(der: bytes) -> tuple[bytes, bytes]:
    """Issuer (the encoded name) and serial number (INTEGER content) of a certificate."""
    fields = inside(inside(read(der))[0])
    if fields[0].tag == _EXPLICIT_0:  # the version, absent in version 1
        fields = fields[1:]
    return expect(fields[2], SEQUENCE).raw, expect(fields[0], INTEGER).content


def parse_signed_data(data: bytes) -> SignedData:
    """Take a ContentInfo with SignedData apart; bytes after it are ignored, as OpenSSL does."""
    outer = inside(read(data))
    if outer[0].content != _SIGNED_DATA or outer[0].tag != OID:
        raise MalformedCms("not CMS signed data")
    fields = inside(read(expect(outer[1], _EXPLICIT_0).content))
    encapsulated = inside(fields[2])
    content = None
    if len(encapsulated) > 1:
        content = octets(read(expect(encapsulated[1], _EXPLICIT_0).content))
    certificates: tuple[bytes, ...] = ()
    for field in fields[3:-1]:
        if field.tag == _EXPLICIT_0:
            members = read_all(field.content)
            certificates = tuple(one.raw for one in members if one.tag == SEQUENCE)
        elif field.tag != _EXPLICIT_1:
            raise MalformedCms("unexpected field in CMS signed data")
    signers = inside(fields[-1], SET)
    if len(signers) > _MAX_SIGNERS or len(certificates) > _MAX_CERTIFICATES:
        raise MalformedCms("too many signers or certificates")
    return SignedData(
        content_type=expect(encapsulated[0], OID).content,
        content=content,
        certificates=certificates,
        signers=tuple([_signer_info(signer) for signer in signers]),
    )


def _signer_info(element: Tlv) -> SignerInfo:
    _, identifier, digest_algorithm, *rest = inside(element)
    issuer = serial = key_id = None
    if identifier.tag == SEQUENCE:
        name, number = inside(identifier)
        issuer, serial = name.raw, expect(number, INTEGER).content
    else:
        key_id = octets(identifier, _KEY_ID)
    attributes = None
    if rest[0].tag == _EXPLICIT_0:
        attributes = _signed_attributes(rest[0])
        rest = rest[1:]
    digest = digest_name(digest_algorithm)
    return SignerInfo(
        issuer=issuer,
        serial=serial,
        key_id=key_id,
        digest=digest,
        scheme=signature_scheme(rest[0], digest),
        signature=octets(rest[1]),
        attributes=attributes,
    )


def _signed_attributes(element: Tlv) -> SignedAttributes:
    """The signature is over the DER of a SET OF, though the message carries them under [0]."""
    members = read_all(element.content)
    values: dict[bytes, bytes] = {}
    for member in members:
        kind, value = inside(member)
        if kind.content in values:
            raise MalformedCms("a signed attribute stands twice")
        values[kind.content] = expect(value, SET).content
    as_sent = write(SET, element.content)
    # Some signers sort only what they sign, some only what they send.
    in_order = write_set(SET, [member.raw for member in members])
    return SignedAttributes(values, (as_sent,) if as_sent == in_order else (as_sent, in_order))


def certificate_of(signer: SignerInfo, certificates: tuple[bytes, ...]) -> KnownCertificate:
    """The certificate that a signer names; a chain or a stranger may be in the bag as well."""
    for der in certificates:
        certificate = known(der)
        if signer.key_id is not None:
            if certificate.key_id == signer.key_id:
                return certificate
        elif certificate.serial == signer.serial and (
            certificate.issuer == signer.issuer
            or (signer.issuer is not None and same_name(certificate.issuer, signer.issuer))
        ):
            return certificate
    raise MalformedCms("the certificate of the signer is not in the message")
