"""SCEP requests (RFC 8894): what a device asks of its certificate authority.

Two kinds of bad request: bytes that are no SCEP message raise BadScepMessage (HTTP 400); a message
that cannot be honoured raises ScepRefused, which is answered by `scep_reply.build_failure`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final
from urllib.parse import unquote

from cryptography.hazmat.primitives.asymmetric import rsa

from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol import cms, cms_envelope, csr, issuance
from zmdm_plugin.protocol.algorithms import UnsupportedAlgorithm
from zmdm_plugin.protocol.boundary import refuses
from zmdm_plugin.protocol.cms_signed import known
from zmdm_plugin.protocol.tlv import octets, oid_content, read, text

MESSAGE_TYPE: Final = "2.16.840.1.113733.1.9.2"
PKI_STATUS: Final = "2.16.840.1.113733.1.9.3"
FAIL_INFO: Final = "2.16.840.1.113733.1.9.4"
SENDER_NONCE: Final = "2.16.840.1.113733.1.9.5"
RECIPIENT_NONCE: Final = "2.16.840.1.113733.1.9.6"
TRANSACTION_ID: Final = "2.16.840.1.113733.1.9.7"

_MAX_TRANSACTION_ID: Final = 255  # characters
_MAX_NONCE: Final = 64  # bytes; 16 by the book
_MAX_MESSAGE: Final = 131_072  # base64 characters of a GET


class MessageType(IntEnum):
    """The messages of RFC 8894 section 3.2.1.2."""

    CERT_REP = 3
    RENEWAL_REQ = 17
    PKCS_REQ = 19
    CERT_POLL = 20
    GET_CERT = 21
    GET_CRL = 22


class FailInfo(IntEnum):
    """Why a request fails, RFC 8894 section 3.2.1.4."""

    BAD_ALG = 0
    BAD_MESSAGE_CHECK = 1
    BAD_REQUEST = 2
    BAD_TIME = 3
    BAD_CERT_ID = 4


class BadScepMessage(ProtocolError):
    """The bytes are no SCEP message, so there is nobody to answer in SCEP."""


@dataclass(frozen=True, slots=True)
class ScepHeader:
    """What any answer needs: transaction, nonce (bytes), kind, the signer (DER) and its digest."""

    transaction_id: str
    sender_nonce: bytes
    message_type: int
    signer: bytes
    digest: str


@dataclass(frozen=True, slots=True)
class ScepRequest(ScepHeader):
    """A readable PKCSReq or RenewalReq; `recipient` is the authority that it was sealed to.

    `signed_by_requested_key` is true for a first request (self-signed) and false for a renewal
    signed with the certificate that is to be replaced.
    """

    csr: csr.Csr
    cipher: str
    recipient: issuance.Authority
    signed_by_requested_key: bool

    @property
    def challenge(self) -> str | None:
        """The challenge password of the request, a secret."""
        return self.csr.challenge


class ScepRefused(ProtocolError):
    """A genuine SCEP message that fails; `header` and `fail_info` make the CertRep, HTTP 200."""

    def __init__(self, fail_info: FailInfo, header: ScepHeader, *, why: str) -> None:
        self.fail_info = fail_info
        self.header = header
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class ScepQuery:
    """The query of a SCEP URL; `message` is still encoded."""

    operation: str
    message: str | None


def capabilities(*, allow_weak: bool = False) -> str:
    """The body of GetCACaps, one keyword a line."""
    keywords = ["AES", "POSTPKIOperation", "SCEPStandard", "SHA-256", "SHA-512"]
    if allow_weak:
        keywords += ["DES3", "SHA-1"]
    return "\n".join(keywords) + "\n"


def parse_query(raw: str) -> ScepQuery:
    """Read the raw query string, in which a plus sign is a plus sign (base64), not a space."""
    found: dict[str, str] = {}
    for part in raw.split("&"):
        name, _, value = part.partition("=")
        if name in found:
            raise BadScepMessage("a parameter of the SCEP query stands twice")
        found[name] = unquote(value)
    if "operation" not in found:
        raise BadScepMessage("the SCEP query names no operation")
    return ScepQuery(found["operation"], found.get("message"))


def decode_message(message: str) -> bytes:
    """The PKIMessage of a GET: either base64 alphabet, padded or not, plus signs lost or kept."""
    if len(message) > _MAX_MESSAGE:
        raise BadScepMessage("the SCEP message is too long")
    compact = message.strip().replace("\r", "").replace("\n", "").replace(" ", "+")
    compact = compact.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise BadScepMessage("the SCEP message is not base64") from None


@refuses(BadScepMessage, "the SCEP message cannot be read")
def parse_request(
    message: bytes, authorities: Sequence[issuance.Authority], *, allow_weak: bool = False
) -> ScepRequest:
    """Verify, open and read a certificate request; `authorities` are all generations of the CA.

    `allow_weak` lets SHA-1, DES and Triple DES pass, for old devices that ignore GetCACaps.
    """
    content, signer, _ = cms.verify_attached(message, minimum_rsa_bits=1024)
    header = _header(signer)
    if header.digest == "sha1" and not allow_weak:
        header = replace(header, digest="sha256")  # our own answer is not weak either
        raise ScepRefused(FailInfo.BAD_ALG, header, why="SHA-1 is not accepted")
    if header.message_type not in (MessageType.PKCS_REQ, MessageType.RENEWAL_REQ):
        polled = header.message_type == MessageType.CERT_POLL
        fail_info = FailInfo.BAD_CERT_ID if polled else FailInfo.BAD_REQUEST
        raise ScepRefused(fail_info, header, why="this kind of SCEP message is not served")
    if not isinstance(known(signer.certificate).key, rsa.RSAPublicKey):
        raise ScepRefused(FailInfo.BAD_ALG, header, why="nothing can be sealed to this key")
    envelope = _envelope(content, header, allow_weak=allow_weak)
    recipient, request = _open(envelope, header, authorities=authorities)
    if request.digest == "sha1" and not allow_weak:
        raise ScepRefused(FailInfo.BAD_ALG, header, why="SHA-1 is not accepted")
    return ScepRequest(
        transaction_id=header.transaction_id,
        sender_nonce=header.sender_nonce,
        message_type=header.message_type,
        signer=header.signer,
        digest=header.digest,
        csr=request,
        cipher=envelope.cipher,
        recipient=recipient,
        signed_by_requested_key=known(signer.certificate).spki == request.spki,
    )


def _header(signer: cms.Signer) -> ScepHeader:
    attributes = signer.attributes
    transaction_id = text(read(attributes[oid_content(TRANSACTION_ID)]))
    nonce = octets(read(attributes[oid_content(SENDER_NONCE)]))
    kind = text(read(attributes[oid_content(MESSAGE_TYPE)]))
    if not 0 < len(transaction_id) <= _MAX_TRANSACTION_ID or not transaction_id.isprintable():
        raise BadScepMessage("the SCEP transaction id is not usable")
    if len(nonce) > _MAX_NONCE or not kind.isascii() or not kind.isdigit() or len(kind) > 3:
        raise BadScepMessage("the SCEP message type or nonce is not usable")
    return ScepHeader(
        transaction_id=transaction_id,
        sender_nonce=nonce,
        message_type=int(kind),
        signer=signer.certificate,
        digest=signer.digest,
    )


def _envelope(content: bytes, header: ScepHeader, *, allow_weak: bool) -> cms_envelope.Envelope:
    try:
        envelope = cms_envelope.parse_envelope(content)
    except UnsupportedAlgorithm as error:
        raise ScepRefused(FailInfo.BAD_ALG, header, why=str(error)) from error
    except ProtocolError as error:
        raise ScepRefused(FailInfo.BAD_MESSAGE_CHECK, header, why=str(error)) from error
    if envelope.cipher in cms_envelope.WEAK_CIPHERS and not allow_weak:
        raise ScepRefused(FailInfo.BAD_ALG, header, why=f"{envelope.cipher} is not accepted")
    return envelope


def _open(
    envelope: cms_envelope.Envelope,
    header: ScepHeader,
    *,
    authorities: Sequence[issuance.Authority],
) -> tuple[issuance.Authority, csr.Csr]:
    authority = next(
        (one for one in authorities if envelope.is_for(known(one.certificate))),
        None,
    )
    if authority is None:
        raise ScepRefused(
            FailInfo.BAD_MESSAGE_CHECK, header, why="the request is sealed to another authority"
        )
    try:
        der = cms_envelope.open_envelope(envelope, authority.certificate, key=authority.key)
    except ProtocolError as error:
        raise ScepRefused(FailInfo.BAD_MESSAGE_CHECK, header, why=str(error)) from error
    try:
        return authority, csr.parse_csr(der)
    except UnsupportedAlgorithm as error:
        raise ScepRefused(FailInfo.BAD_ALG, header, why=str(error)) from error
    except ProtocolError as error:
        raise ScepRefused(FailInfo.BAD_REQUEST, header, why=str(error)) from error
