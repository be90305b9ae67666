"""CMS EnvelopedData (RFC 5652 section 6): bytes for the owner of one RSA key, sealed and opened."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, CipherAlgorithm, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol.algorithms import UnsupportedAlgorithm
from zmdm_plugin.protocol.boundary import refuses
from zmdm_plugin.protocol.cms_signed import DATA, KnownCertificate, MalformedCms, known
from zmdm_plugin.protocol.names import same_name
from zmdm_plugin.protocol.tlv import (
    INTEGER,
    NULL,
    OCTETS,
    SEQUENCE,
    SET,
    Tlv,
    expect,
    inside,
    integer,
    octets,
    oid,
    oid_content,
    read,
    write,
)

ENVELOPED_DATA: Final = "1.2.840.113549.1.7.3"
_ENVELOPED_DATA = oid_content(ENVELOPED_DATA)
_RSA_ENCRYPTION: Final = "1.2.840.113549.1.1.1"
_EXPLICIT_0 = 0xA0
_IMPLICIT_0 = 0x80
_KEY_ID = 0x80
_PKCS1 = padding.PKCS1v15()


class CannotDecrypt(ProtocolError):
    """The envelope does not open; the message never says why, or it would be an oracle."""

    def __init__(self) -> None:
        super().__init__("the message cannot be decrypted")


@dataclass(frozen=True, slots=True)
class ContentCipher:
    """A block cipher in CBC mode: our name, object identifier, key and block size in bytes."""

    name: str
    dotted: str
    key_size: int
    block_size: int

    def algorithm(self, key: bytes) -> CipherAlgorithm:
        """The cipher under `key`; single DES is Triple DES with three times the same key."""
        if len(key) != self.key_size:
            raise CannotDecrypt
        if self.block_size == 16:
            return algorithms.AES(key)
        return TripleDES(key if self.key_size == 24 else key * 3)


CIPHERS: Final = {
    cipher.name: cipher
    for cipher in (
        ContentCipher("aes-128-cbc", "2.16.840.1.101.3.4.1.2", 16, 16),
        ContentCipher("aes-192-cbc", "2.16.840.1.101.3.4.1.22", 24, 16),
        ContentCipher("aes-256-cbc", "2.16.840.1.101.3.4.1.42", 32, 16),
        ContentCipher("des-ede3-cbc", "1.2.840.113549.3.7", 24, 8),
        ContentCipher("des-cbc", "1.3.14.3.2.7", 8, 8),
    )
}
WEAK_CIPHERS: Final = frozenset({"des-cbc", "des-ede3-cbc"})
_BY_OID: Final = {oid_content(cipher.dotted): cipher for cipher in CIPHERS.values()}


@dataclass(frozen=True, slots=True)
class Recipient:
    """One key that opens the envelope: its certificate by issuer and serial, or by key id."""

    issuer: bytes | None
    serial: bytes | None
    key_id: bytes | None
    encrypted_key: bytes

    def is_for(self, certificate: KnownCertificate) -> bool:
        """Whether the certificate is the one that the sender used."""
        if self.issuer is None:
            return self.key_id is not None and self.key_id == certificate.key_id
        return self.serial == certificate.serial and (
            self.issuer == certificate.issuer or same_name(self.issuer, certificate.issuer)
        )


@dataclass(frozen=True, slots=True)
class Envelope:
    """An envelope taken apart but closed; `cipher` is a name in CIPHERS."""

    cipher: str
    iv: bytes
    ciphertext: bytes
    recipients: tuple[Recipient, ...]

    def is_for(self, certificate: KnownCertificate) -> bool:
        """Whether one of the recipients is the owner of the certificate."""
        return any(recipient.is_for(certificate) for recipient in self.recipients)


@refuses(MalformedCms, "the CMS envelope cannot be read")
def parse_envelope(enveloped: bytes) -> Envelope:
    """Take EnvelopedData apart (DER or BER), without any key."""
    outer = inside(read(enveloped))
    if outer[0].content != _ENVELOPED_DATA:
        raise MalformedCms("not CMS enveloped data")
    fields = inside(read(expect(outer[1], _EXPLICIT_0).content))
    if fields[1].tag == _EXPLICIT_0:  # originator's certificates, of no use to us
        del fields[1]
    _, algorithm, content = inside(fields[2])[:3]
    code, iv = inside(algorithm)[:2]
    cipher = _BY_OID.get(code.content)
    if cipher is None:
        raise UnsupportedAlgorithm("the content cipher is not supported")
    return Envelope(
        cipher=cipher.name,
        iv=octets(iv),
        ciphertext=octets(content, _IMPLICIT_0),
        recipients=read_recipients(fields[1]),
    )


def read_recipients(element: Tlv) -> tuple[Recipient, ...]:
    """The recipients in a RecipientInfos that open with an RSA key."""
    found = [_recipient(one) for one in inside(element, SET) if one.tag == SEQUENCE]
    return tuple([one for one in found if one is not None])


def _recipient(element: Tlv) -> Recipient | None:
    """A KeyTransRecipientInfo with RSA; other kinds are for others."""
    _, identifier, algorithm, encrypted_key = inside(element)[:4]
    if inside(algorithm)[0].content != oid_content(_RSA_ENCRYPTION):
        return None
    if identifier.tag != SEQUENCE:
        return Recipient(None, None, octets(identifier, _KEY_ID), octets(encrypted_key))
    issuer, serial = inside(identifier)
    return Recipient(issuer.raw, expect(serial, INTEGER).content, None, octets(encrypted_key))


@refuses(MalformedCms, "the CMS envelope cannot be read")
def addressed_to(enveloped: bytes, certificates: Iterable[bytes]) -> bytes | None:
    """Which of our certificates an envelope is for, e.g. among all escrow keys ever installed."""
    envelope = parse_envelope(enveloped)
    return next((der for der in certificates if envelope.is_for(known(der))), None)


@refuses(MalformedCms, "the CMS envelope cannot be read")
def decrypt(enveloped: bytes, certificate: bytes, *, key: rsa.RSAPrivateKey) -> bytes:
    """Open an envelope that names `certificate` (DER); every failure is the same CannotDecrypt."""
    return open_envelope(parse_envelope(enveloped), certificate, key=key)


def open_envelope(envelope: Envelope, certificate: bytes, *, key: rsa.RSAPrivateKey) -> bytes:
    """Open an envelope that has been parsed before."""
    ours = known(certificate)
    for recipient in envelope.recipients:
        if recipient.is_for(ours):
            try:
                return _open(envelope, key.decrypt(recipient.encrypted_key, _PKCS1))
            except ValueError:
                break
    raise CannotDecrypt


def _open(envelope: Envelope, content_key: bytes) -> bytes:
    cipher = CIPHERS[envelope.cipher]
    decryptor = Cipher(cipher.algorithm(content_key), modes.CBC(envelope.iv)).decryptor()
    padded = decryptor.update(envelope.ciphertext) + decryptor.finalize()
    unpadder = PKCS7(cipher.block_size * 8).unpadder()
    return unpadder.update(padded) + unpadder.finalize()


@refuses(MalformedCms, "nothing can be encrypted to this certificate")
def encrypt(content: bytes, certificate: bytes, *, algorithm: str = "aes-256-cbc") -> bytes:
    """Seal bytes for the RSA key of a certificate (DER); `algorithm` is a name in CIPHERS."""
    cipher = CIPHERS[algorithm]
    public_key = x509.load_der_x509_certificate(certificate).public_key()
    if not isinstance(public_key, rsa.RSAPublicKey):
        raise UnsupportedAlgorithm("only RSA keys can receive an envelope")
    content_key, iv = os.urandom(cipher.key_size), os.urandom(cipher.block_size)
    padder = PKCS7(cipher.block_size * 8).padder()
    padded = padder.update(content) + padder.finalize()
    encryptor = Cipher(cipher.algorithm(content_key), modes.CBC(iv)).encryptor()
    ours = known(certificate)
    recipient = write(
        SEQUENCE,
        integer(0),
        write(SEQUENCE, ours.issuer, write(INTEGER, ours.serial)),
        write(SEQUENCE, oid(_RSA_ENCRYPTION), write(NULL)),
        write(OCTETS, public_key.encrypt(content_key, _PKCS1)),
    )
    body = write(
        SEQUENCE,
        oid(DATA),
        write(SEQUENCE, oid(cipher.dotted), write(OCTETS, iv)),
        write(_IMPLICIT_0, encryptor.update(padded) + encryptor.finalize()),
    )
    data = write(SEQUENCE, integer(0), write(SET, recipient), body)
    return write(SEQUENCE, oid(ENVELOPED_DATA), write(_EXPLICIT_0, data))
