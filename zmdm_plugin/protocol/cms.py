"""Signatures around and beside bytes: CMS SignedData verified and made (RFC 5652).

Apple: https://developer.apple.com/documentation/devicemanagement/mdm (Mdm-Signature).
Envelopes live in `cms_envelope`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs7

from zmdm_plugin.protocol.algorithms import (
    BadSignature,
    PrivateKey,
    PublicKey,
    UnsupportedAlgorithm,
    usable_key,
    verify,
)
from zmdm_plugin.protocol.boundary import refuses
from zmdm_plugin.protocol.cms_signed import (
    KnownCertificate,
    MalformedCms,
    SignedAttributes,
    SignedData,
    SignerInfo,
    certificate_of,
    parse_signed_data,
)
from zmdm_plugin.protocol.tlv import octets, oid_content, read

_CONTENT_TYPE: Final = oid_content("1.2.840.113549.1.9.3")
_MESSAGE_DIGEST: Final = oid_content("1.2.840.113549.1.9.4")
_MAX_HEADER: Final = 65536  # characters; a real Mdm-Signature has about 2,000
_UNREADABLE: Final = "the CMS signature cannot be read"


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signed: certificate (DER), its SHA-256 in lower-case hex, digest used, attributes.

    The chain is not verified; `attributes` maps OID content bytes to the encoded values.
    """

    certificate: bytes
    fingerprint: str
    digest: str
    attributes: dict[bytes, bytes]


class Attached(NamedTuple):
    """A verified message: its content, its (first) signer and every certificate it carries."""

    content: bytes
    signer: Signer
    certificates: tuple[bytes, ...]


def decode_header(value: str) -> bytes:
    """The bytes of an Mdm-Signature header (base64, which proxies may have folded)."""
    if len(value) > _MAX_HEADER:
        raise MalformedCms("the signature header is too long")
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        raise MalformedCms("the signature header is not base64") from None


@refuses(MalformedCms, _UNREADABLE)
def verify_detached(
    signature: bytes, content: bytes, *, minimum_rsa_bits: int = 2048, allow_sha1: bool = True
) -> Signer:
    """Verify a signature that travels beside its content, e.g. Mdm-Signature over the body.

    Proves possession of the key only: whom the certificate stands for is the caller's matter.
    """
    signed = parse_signed_data(signature)
    if signed.content is not None and signed.content != content:
        raise BadSignature("the signature carries another content")
    return _verify(signed, content, minimum_rsa_bits=minimum_rsa_bits, allow_sha1=allow_sha1)


@refuses(MalformedCms, _UNREADABLE)
def verify_attached(
    data: bytes, *, minimum_rsa_bits: int = 2048, allow_sha1: bool = True
) -> Attached:
    """Verify a message that carries its content, e.g. the attributes a device posts (OTA, ADE)."""
    signed = parse_signed_data(data)
    if signed.content is None:
        raise MalformedCms("the signed message carries no content")
    signer = _verify(
        signed, signed.content, minimum_rsa_bits=minimum_rsa_bits, allow_sha1=allow_sha1
    )
    return Attached(signed.content, signer, signed.certificates)


def _verify(
    signed: SignedData, content: bytes, *, minimum_rsa_bits: int, allow_sha1: bool
) -> Signer:
    """Every signer must hold; the first is the one who speaks."""
    if not signed.signers:
        raise MalformedCms("nobody signed the message")
    verified = []
    for info in signed.signers:
        if info.digest == "sha1" and not allow_sha1:
            raise UnsupportedAlgorithm("SHA-1 signatures are not accepted")
        certificate = certificate_of(info, signed.certificates)
        key = usable_key(certificate.key, minimum_rsa_bits=minimum_rsa_bits)
        _verify_one(info, key, signed=signed, content=content)
        verified.append(_signer(info, certificate))
    return verified[0]


def _verify_one(info: SignerInfo, key: PublicKey, *, signed: SignedData, content: bytes) -> None:
    attributes = info.attributes
    if attributes is None:
        verify(key, info.signature, message=content, scheme=info.scheme)
    else:
        _check_attributes(attributes, info, content_type=signed.content_type, content=content)
        _verify_attributes(attributes, info, key=key)


def _signer(info: SignerInfo, certificate: KnownCertificate) -> Signer:
    return Signer(
        certificate=certificate.der,
        fingerprint=certificate.fingerprint,
        digest=info.digest,
        attributes={} if info.attributes is None else info.attributes.values,
    )


def _check_attributes(
    attributes: SignedAttributes, info: SignerInfo, *, content_type: bytes, content: bytes
) -> None:
    """The attributes must be about this very content, or any other body could be put beside."""
    if read(attributes.values[_CONTENT_TYPE]).content != content_type:
        raise BadSignature("the signed content type is another one")
    claimed = octets(read(attributes.values[_MESSAGE_DIGEST]))
    if not hmac.compare_digest(claimed, hashlib.new(info.digest, content).digest()):
        raise BadSignature("the signed digest is that of another content")


def _verify_attributes(attributes: SignedAttributes, info: SignerInfo, *, key: PublicKey) -> None:
    *others, last = attributes.signed_forms
    for form in others:
        try:
            verify(key, info.signature, message=form, scheme=info.scheme)
        except BadSignature:
            continue
        return
    verify(key, info.signature, message=last, scheme=info.scheme)


def sign_attached(
    content: bytes, certificate: bytes, *, key: PrivateKey, chain: Sequence[bytes] = ()
) -> bytes:
    """Sign a profile so that devices show who made it; certificates are DER, `chain` upwards."""
    builder = (
        pkcs7.PKCS7SignatureBuilder()
        .set_data(content)
        .add_signer(x509.load_der_x509_certificate(certificate), key, hashes.SHA256())
    )
    for issuer in chain:
        builder = builder.add_certificate(x509.load_der_x509_certificate(issuer))
    return builder.sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])
