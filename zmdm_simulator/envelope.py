"""Encrypted CMS messages: AES, and the DES and 3DES that old SCEP clients insist on.

RFC 5652, section 6.
"""

from __future__ import annotations

import os
from typing import Any

from asn1crypto import cms as asn1
from cryptography import x509
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.padding import PKCS7

from zmdm_simulator import der
from zmdm_simulator.cms import DATA, RSA_ENCRYPTION
from zmdm_simulator.errors import WireError
from zmdm_simulator.pki import Identity

ENVELOPED_DATA = "1.2.840.113549.1.7.3"
# name: OID, key bytes, block bytes
CIPHERS: dict[str, tuple[str, int, int]] = {
    "des": ("1.3.14.3.2.7", 8, 8),
    "3des": ("1.2.840.113549.3.7", 24, 8),
    "aes128": ("2.16.840.1.101.3.4.1.2", 16, 16),
    "aes256": ("2.16.840.1.101.3.4.1.42", 32, 16),
}
BY_OID = {dotted: name for name, (dotted, _, _) in CIPHERS.items()}


def _cipher(name: str, key: bytes, vector: bytes) -> Cipher[modes.CBC]:
    if name.startswith("aes"):
        return Cipher(AES(key), modes.CBC(vector))
    # Single DES is triple DES with one key three times.
    return Cipher(TripleDES(key * 3 if name == "des" else key), modes.CBC(vector))


def encrypt(content: bytes, certificate: x509.Certificate, *, cipher: str = "aes256") -> bytes:
    """Encrypt for one RSA recipient."""
    dotted, key_size, block = CIPHERS[cipher]
    key, vector = os.urandom(key_size), os.urandom(block)
    public = certificate.public_key()
    if not isinstance(public, rsa.RSAPublicKey):
        raise WireError("the recipient's key is not RSA")
    padder = PKCS7(block * 8).padder()
    encryptor = _cipher(cipher, key, vector).encryptor()
    padded = padder.update(content) + padder.finalize()
    recipient = der.seq(
        der.integer(0),
        der.seq(certificate.issuer.public_bytes(), der.integer(certificate.serial_number)),
        der.algorithm(RSA_ENCRYPTION),
        der.octets(public.encrypt(key, padding.PKCS1v15())),
    )
    encrypted = der.seq(
        der.oid(DATA),
        der.algorithm(dotted, der.octets(vector)),
        der.context(0, encryptor.update(padded) + encryptor.finalize(), constructed=False),
    )
    enveloped = der.seq(der.integer(0), der.set_of(recipient), encrypted)
    return der.seq(der.oid(ENVELOPED_DATA), der.context(0, enveloped))


def decrypt(data: bytes, identity: Identity) -> bytes:
    """Decrypt what was encrypted for this identity; WireError if it cannot be."""
    try:
        info = asn1.ContentInfo.load(data)
        if info["content_type"].native != "enveloped_data":
            raise WireError("not a CMS EnvelopedData")
        return _opened(info["content"], identity)
    except (ValueError, TypeError, KeyError) as error:
        raise WireError(f"cannot decrypt: {error}") from error


def _opened(enveloped: Any, identity: Identity) -> bytes:
    encrypted = enveloped["encrypted_content_info"]
    algorithm = encrypted["content_encryption_algorithm"]
    name = BY_OID[algorithm["algorithm"].dotted]
    recipient = _recipient(enveloped, identity.certificate)
    key = identity.key.decrypt(recipient["encrypted_key"].native, padding.PKCS1v15())
    _, key_size, block = CIPHERS[name]
    if len(key) != key_size:
        raise WireError("the content key has the wrong length")
    decryptor = _cipher(name, key, algorithm["parameters"].native).decryptor()
    unpadder = PKCS7(block * 8).unpadder()
    padded = decryptor.update(encrypted["encrypted_content"].native) + decryptor.finalize()
    return unpadder.update(padded) + unpadder.finalize()


def _recipient(enveloped: Any, certificate: x509.Certificate) -> Any:
    for choice in enveloped["recipient_infos"]:
        recipient = choice.chosen
        if choice.name == "ktri" and recipient["rid"].name == "issuer_and_serial_number":
            wanted = recipient["rid"].chosen
            if wanted["serial_number"].native == certificate.serial_number:
                return recipient
    raise WireError("not encrypted for this certificate")
