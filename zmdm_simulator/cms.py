"""Signed CMS messages as devices make them, and the server's read back.

A real device's Mdm-Signature is BER with indefinite lengths and no signed attributes: the signature
is over the body itself. Other clients send DER with signed attributes. RFC 5652.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from asn1crypto import cms as asn1
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from zmdm_simulator import der
from zmdm_simulator.csr import HASHES
from zmdm_simulator.errors import WireError
from zmdm_simulator.pki import Identity
from zmdm_simulator.pki import der as certificate_der

DATA = "1.2.840.113549.1.7.1"
SIGNED_DATA = "1.2.840.113549.1.7.2"
CONTENT_TYPE = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
SIGNING_TIME = "1.2.840.113549.1.9.5"
RSA_ENCRYPTION = "1.2.840.113549.1.1.1"
DIGEST_OIDS = {
    "sha1": "1.3.14.3.2.26",
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha512": "2.16.840.1.101.3.4.2.3",
}


@dataclass(frozen=True, slots=True)
class Style:
    """How a signature is put on the wire."""

    ber: bool = True
    attributes: bool = False
    digest: str = "sha256"


REAL_DEVICE = Style()
DER_STYLE = Style(ber=False, attributes=True)
OLD_DEVICE = Style(digest="sha1")


@dataclass(frozen=True, slots=True)
class Signed:
    """A verified signed message: its content, who signed, and the attributes under signature."""

    content: bytes
    signer: x509.Certificate
    certificates: tuple[x509.Certificate, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)


def sign_detached(
    content: bytes, identity: Identity, *, style: Style = REAL_DEVICE, at: datetime | None = None
) -> bytes:
    """Sign without carrying the content: the Mdm-Signature header (before base64)."""
    extra = [signing_time(at)] if at else []
    return _signed_data(content, identity, style=style, attached=False, extra=extra)


def sign_attached(
    content: bytes,
    identity: Identity,
    *,
    style: Style = REAL_DEVICE,
    extra: Iterable[bytes] = (),
) -> bytes:
    """Sign and carry the content: OTA attributes, SCEP messages (`extra` = their attributes)."""
    return _signed_data(content, identity, style=style, attached=True, extra=extra)


def attribute(dotted: str, value: bytes) -> bytes:
    """Encode one attribute that has one value."""
    return der.seq(der.oid(dotted), der.set_of(value))


def signing_time(at: datetime) -> bytes:
    """Encode the signing time, which a device with a wrong clock gets wrong."""
    return attribute(SIGNING_TIME, der.tlv(der.UTC_TIME, f"{at:%y%m%d%H%M%SZ}".encode()))


def _signed_data(
    content: bytes, identity: Identity, *, style: Style, attached: bool, extra: Iterable[bytes]
) -> bytes:
    digest = der.algorithm(DIGEST_OIDS[style.digest])
    wrap = der.indefinite if style.ber else der.tlv
    carried: list[bytes] = []
    if attached:
        body = der.chunked_octets(content) if style.ber else der.octets(content)
        carried = [wrap(0xA0, body)]
    certificates = (identity.certificate, *identity.chain)
    signed_data = wrap(
        der.SEQUENCE,
        der.integer(1),
        der.set_of(digest),
        wrap(der.SEQUENCE, der.oid(DATA), *carried),
        der.context(0, *(certificate_der(item) for item in certificates)),
        der.set_of(_signer_info(content, identity, style=style, extra=extra)),
    )
    return wrap(der.SEQUENCE, der.oid(SIGNED_DATA), wrap(0xA0, signed_data))


def _signer_info(
    content: bytes, identity: Identity, *, style: Style, extra: Iterable[bytes]
) -> bytes:
    certificate, algorithm = identity.certificate, HASHES[style.digest]()
    over, attributes = content, []
    extra = list(extra)
    if style.attributes or extra:
        members = [
            attribute(CONTENT_TYPE, der.oid(DATA)),
            attribute(MESSAGE_DIGEST, der.octets(_digest(content, algorithm))),
            *extra,
        ]
        # The signature is over the attributes as a SET OF; on the wire they wear the tag [0].
        over = der.set_of(*members)
        attributes = [b"\xa0" + over[1:]]
    return der.seq(
        der.integer(1),
        der.seq(certificate.issuer.public_bytes(), der.integer(certificate.serial_number)),
        der.algorithm(DIGEST_OIDS[style.digest]),
        *attributes,
        der.algorithm(RSA_ENCRYPTION),
        der.octets(identity.key.sign(over, padding.PKCS1v15(), algorithm)),
    )


def _digest(content: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(content)
    return digest.finalize()


def certificates_of(data: bytes) -> tuple[x509.Certificate, ...]:
    """Return the certificates of a SignedData, in order, also of a degenerate one."""
    return _certificates(_parse(data))


def verify_attached(data: bytes) -> Signed:
    """Check a signed message that carries its content; WireError if it does not hold."""
    signed_data = _parse(data)
    content = signed_data["encap_content_info"]["content"]
    return _verified(signed_data, b"" if content.native is None else bytes(content))


def verify_detached(data: bytes, content: bytes) -> Signed:
    """Check a signature over `content`; WireError if it does not hold."""
    return _verified(_parse(data), content)


def _parse(data: bytes) -> Any:
    try:
        info = asn1.ContentInfo.load(data)
        if info["content_type"].native != "signed_data":
            raise WireError("not a CMS SignedData")
        return info["content"]
    except (ValueError, TypeError, KeyError) as error:
        raise WireError(f"unreadable CMS: {error}") from error


def _certificates(signed_data: Any) -> tuple[x509.Certificate, ...]:
    found = signed_data["certificates"]
    if found.native is None:
        return ()
    return tuple(x509.load_der_x509_certificate(choice.chosen.dump()) for choice in found)


def _verified(signed_data: Any, content: bytes) -> Signed:
    certificates = _certificates(signed_data)
    for info in signed_data["signer_infos"]:
        signer = _signer(info, certificates)
        attributes = _check(info, signer, content)
        return Signed(content, signer, certificates, attributes)
    raise WireError("nobody signed this")


def _signer(info: Any, certificates: tuple[x509.Certificate, ...]) -> x509.Certificate:
    sid = info["sid"]
    for certificate in certificates:
        if sid.name == "issuer_and_serial_number":
            wanted = sid.chosen
            if (
                wanted["serial_number"].native == certificate.serial_number
                and wanted["issuer"].dump() == certificate.issuer.public_bytes()
            ):
                return certificate
        elif sid.chosen.native == _key_identifier(certificate):
            return certificate
    raise WireError("the signer's certificate is not in the message")


def _key_identifier(certificate: x509.Certificate) -> bytes:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except x509.ExtensionNotFound:
        return b""
    return found.value.digest


def _check(info: Any, signer: x509.Certificate, content: bytes) -> dict[str, Any]:
    algorithm = HASHES[info["digest_algorithm"]["algorithm"].native]()
    over, attributes = content, {}
    if len(info["signed_attrs"]):
        attributes = {item["type"].dotted: item["values"][0] for item in info["signed_attrs"]}
        if attributes[MESSAGE_DIGEST].native != _digest(content, algorithm):
            raise WireError("the message digest is not the content's")
        over = b"\x31" + info["signed_attrs"].dump()[1:]
    key = signer.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise WireError("signed with a key that is not RSA")
    try:
        key.verify(info["signature"].native, over, padding.PKCS1v15(), algorithm)
    except InvalidSignature as error:
        raise WireError("the signature does not hold") from error
    return attributes
