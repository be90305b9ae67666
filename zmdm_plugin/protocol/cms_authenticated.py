"""CMS AuthEnvelopedData (RFC 5083, RFC 5084): opening what was sealed with AES-GCM."""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from zmdm_plugin.protocol.algorithms import UnsupportedAlgorithm
from zmdm_plugin.protocol.boundary import refuses
from zmdm_plugin.protocol.cms_envelope import CannotDecrypt, Recipient, read_recipients
from zmdm_plugin.protocol.cms_signed import MalformedCms, known
from zmdm_plugin.protocol.tlv import (
    SET,
    Tlv,
    expect,
    inside,
    octets,
    oid_content,
    read,
    write,
)

_AUTH_ENVELOPED_DATA: Final = oid_content("1.2.840.113549.1.9.16.1.23")
_KEY_SIZES: Final = {
    oid_content("2.16.840.1.101.3.4.1.6"): 16,
    oid_content("2.16.840.1.101.3.4.1.26"): 24,
    oid_content("2.16.840.1.101.3.4.1.46"): 32,
}
_EXPLICIT_0 = 0xA0
_IMPLICIT_0 = 0x80
_AUTHENTICATED = 0xA1
_PKCS1 = padding.PKCS1v15()


@refuses(MalformedCms, "the CMS envelope cannot be read")
def is_authenticated(enveloped: bytes) -> bool:
    """Whether the bytes are this kind of envelope, and not the older EnvelopedData."""
    return inside(read(enveloped))[0].content == _AUTH_ENVELOPED_DATA


@refuses(MalformedCms, "the CMS envelope cannot be read")
def recipients(enveloped: bytes) -> tuple[Recipient, ...]:
    """Who can open it."""
    return read_recipients(_fields(enveloped)[1])


@refuses(MalformedCms, "the CMS envelope cannot be read")
def decrypt(enveloped: bytes, certificate: bytes, *, key: rsa.RSAPrivateKey) -> bytes:
    """Open an envelope that names `certificate` (DER); every failure is the same CannotDecrypt."""
    fields = _fields(enveloped)
    ours = known(certificate)
    for recipient in read_recipients(fields[1]):
        if recipient.is_for(ours):
            try:
                return _open(fields, key.decrypt(recipient.encrypted_key, _PKCS1))
            except (ValueError, InvalidTag):
                break
    raise CannotDecrypt


def _fields(enveloped: bytes) -> list[Tlv]:
    """Version, recipients, content, [1] attributes if any, the tag."""
    outer = inside(read(enveloped))
    if outer[0].content != _AUTH_ENVELOPED_DATA:
        raise MalformedCms("not CMS authenticated enveloped data")
    fields = inside(read(expect(outer[1], _EXPLICIT_0).content))
    if fields[1].tag == _EXPLICIT_0:  # originator's certificates, of no use to us
        del fields[1]
    return fields


def _open(fields: list[Tlv], content_key: bytes) -> bytes:
    _, algorithm, content = inside(fields[2])[:3]
    code, parameters = inside(algorithm)[:2]
    size = _KEY_SIZES.get(code.content)
    if size is None:
        raise UnsupportedAlgorithm("the content cipher is not supported")
    attributes = fields[3] if fields[3].tag == _AUTHENTICATED else None
    tag = octets(fields[3] if attributes is None else fields[4])
    if len(content_key) != size or not 12 <= len(tag) <= 16:
        raise CannotDecrypt
    nonce = octets(inside(parameters)[0])
    mode = modes.GCM(nonce, tag, min_tag_length=12)
    decryptor = Cipher(algorithms.AES(content_key), mode).decryptor()
    if attributes is not None:
        decryptor.authenticate_additional_data(write(SET, attributes.content))
    return decryptor.update(octets(content, _IMPLICIT_0)) + decryptor.finalize()
