"""The server token of Apple Business or School Manager: an encrypted `.p7m`, opened with our key.

https://developer.apple.com/documentation/devicemanagement/examining-server-tokens
"""

from __future__ import annotations

import base64
import binascii
import json
import quopri
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol import cms_authenticated, cms_envelope
from zmdm_plugin.protocol.algorithms import UnsupportedAlgorithm, usable_key
from zmdm_plugin.protocol.boundary import refuses
from zmdm_plugin.protocol.cms_envelope import CannotDecrypt
from zmdm_plugin.protocol.cms_signed import MalformedCms, known
from zmdm_plugin.protocol.issuance import CLOCK_SKEW
from zmdm_plugin.protocol.names import write_name
from zmdm_plugin.protocol.tlv import MalformedAsn1
from zmdm_plugin.protocol.x509 import BadCertificate

MAX_SIZE: Final = 256 * 1024
"""Bytes of an upload; a real one has less than three thousand."""
KEY_LIFETIME: Final = timedelta(days=3650)
"""Of the certificate around the public key: Apple takes the key and asks for nothing else."""
_LONGEST: Final = 1024
_CIPHERS: Final = frozenset({"des-ede3-cbc", "aes-128-cbc", "aes-192-cbc", "aes-256-cbc"})
_BLANK_LINE: Final = re.compile(rb"\r?\n[ \t]*\r?\n")
_HEADER: Final = re.compile(rb"\s*[A-Za-z-]{3,40}:")
_ENCODING: Final = re.compile(rb"^Content-Transfer-Encoding:[ \t]*([\w-]+)", re.I | re.M)
_ARMOUR: Final = re.compile(rb"-----(?:BEGIN|END) [A-Z0-9 ]{1,20}-----")
_VALUE: Final = re.compile(r"[\x21-\x7e]+")


class BadServerToken(ProtocolError):
    """The file is no server token, or is damaged; the message says what to do."""


class AnotherKey(BadServerToken):
    """The token was made for a public key that is not the one given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerToken:
    """OAuth 1.0a credentials of one device management service at Apple, good for a year.

    `consumer_key` names that service and stays the same when its token is renewed.
    """

    consumer_key: str
    consumer_secret: str = field(repr=False)
    access_token: str = field(repr=False)
    access_secret: str = field(repr=False)
    expires_at: datetime


def read(upload: bytes, certificate: bytes, *, key: rsa.RSAPrivateKey) -> ServerToken:
    """Open the file that the portal gave for `certificate` (DER) and its key.

    DER or BER, bare, as PEM or in MIME; 3DES-CBC, AES-CBC or AES-GCM inside.
    """
    return parse(open_message(upload, certificate, key=key))


def open_message(upload: bytes, certificate: bytes, *, key: rsa.RSAPrivateKey) -> bytes:
    """The text inside the file; AnotherKey if it is addressed to another certificate."""
    enveloped = _unwrapped(upload)
    try:
        if cms_authenticated.is_authenticated(enveloped):
            _check_recipient(cms_authenticated.recipients(enveloped), certificate)
            return cms_authenticated.decrypt(enveloped, certificate, key=key)
        envelope = cms_envelope.parse_envelope(enveloped)
        if envelope.cipher not in _CIPHERS:
            raise UnsupportedAlgorithm("the content cipher is too weak")
        _check_recipient(envelope.recipients, certificate)
        return cms_envelope.open_envelope(envelope, certificate, key=key)
    except CannotDecrypt:
        raise BadServerToken(
            "the token is for this public key but does not open: download it from the portal again"
        ) from None
    except UnsupportedAlgorithm as error:
        raise BadServerToken(f"the token cannot be opened: {error}") from error
    except (MalformedCms, MalformedAsn1) as error:
        raise BadServerToken(
            "this is not a server token: upload the .p7m file as the portal gave it"
        ) from error


def _check_recipient(recipients: tuple[cms_envelope.Recipient, ...], certificate: bytes) -> None:
    ours = known(certificate)
    if not any(one.is_for(ours) for one in recipients):
        raise AnotherKey(
            "this token was made for another public key: upload the public key of this server in "
            "the portal, then download a new token"
        )


def _unwrapped(upload: bytes) -> bytes:
    """The CMS bytes out of MIME, PEM, base64 or as they are."""
    if len(upload) > MAX_SIZE:
        raise BadServerToken("the file is too long for a server token")
    if upload[:1] == b"\x30":
        return upload
    text = upload.removeprefix(b"\xef\xbb\xbf")
    if text.lstrip()[:1] == b"{":
        raise BadServerToken("this token is already decrypted: upload the .p7m file of the portal")
    headers, body = _mime(text)
    if b"signed-data" in headers:
        raise BadServerToken("this is a signed message, and not an encrypted server token")
    encoding = _ENCODING.search(headers)
    if encoding is not None and encoding[1].lower() == b"binary":
        return body
    try:
        return base64.b64decode(b"".join(_ARMOUR.sub(b"", body).split()), validate=True)
    except (binascii.Error, ValueError):
        raise BadServerToken(
            "this is not a server token: upload the .p7m file as the portal gave it"
        ) from None


def _mime(text: bytes) -> tuple[bytes, bytes]:
    """Headers and body. Apple folds a header without indenting it: email parsers stop there."""
    text = text.lstrip()
    if not _HEADER.match(text):
        return b"", text
    parts = _BLANK_LINE.split(text, maxsplit=1)
    return parts[0], parts[1] if len(parts) == 2 else b""


def parse(message: bytes) -> ServerToken:
    """Read the decrypted text: JSON, with or without MIME headers and dashed lines around it."""
    headers, body = _mime(message)
    encoding = _ENCODING.search(headers)
    if encoding is not None:
        body = _decoded(encoding[1].lower(), body)
    start, end = body.find(b"{"), body.rfind(b"}")
    try:
        # Not strict: some tools break long lines, also inside of strings.
        document = json.loads(body[start : end + 1], strict=False) if start >= 0 else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise BadServerToken("the token holds no credentials: download it from the portal again")
    return ServerToken(
        consumer_key=_value(document, "consumer_key"),
        consumer_secret=_value(document, "consumer_secret"),
        access_token=_value(document, "access_token"),
        access_secret=_value(document, "access_secret"),
        expires_at=_expiry(document),
    )


def _decoded(encoding: bytes, body: bytes) -> bytes:
    if encoding == b"quoted-printable":
        return quopri.decodestring(body)
    if encoding == b"base64":
        try:
            return base64.b64decode(b"".join(body.split()), validate=True)
        except (binascii.Error, ValueError):
            raise BadServerToken("the text inside the token is damaged") from None
    return body


def _value(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str):
        raise BadServerToken(f"the token has no {name}: download it from the portal again")
    value = value.replace("\r", "").replace("\n", "")
    if len(value) > _LONGEST or not _VALUE.fullmatch(value):
        raise BadServerToken(f"the token's {name} is damaged: download it from the portal again")
    return value


def _expiry(document: dict[str, Any]) -> datetime:
    value = _value(document, "access_token_expiry")
    try:
        moment = datetime.fromisoformat(value)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadServerToken("the token's access_token_expiry is no date") from None
    return moment


@refuses(BadCertificate, "no certificate can be made around this public key")
def make_certificate(
    common_name: str, key: rsa.RSAPrivateKey, *, at: datetime, lifetime: timedelta = KEY_LIFETIME
) -> bytes:
    """The public key as the portal wants it: a self-signed certificate (DER) that may receive.

    Its serial number is random, so that a token tells by its recipient which key it is for.
    """
    if at.tzinfo is None:
        raise BadCertificate("a time without its zone")
    usable_key(key.public_key(), minimum_rsa_bits=2048)
    start = at.astimezone(UTC).replace(microsecond=0)
    name = write_name([("CN", common_name)])
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=True,
        data_encipherment=True,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - CLOCK_SKEW)
        .not_valid_after(start + lifetime)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.DER)
