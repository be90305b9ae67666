"""SCEP answers (RFC 8894 section 3.3): the CA's certificates, CertRep success and failure."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import Final

from cryptography.hazmat.primitives.asymmetric import padding

from zmdm_plugin.protocol import cms_envelope
from zmdm_plugin.protocol.algorithms import DIGEST_OIDS, hash_algorithm
from zmdm_plugin.protocol.cms_signed import DATA, SIGNED_DATA, known
from zmdm_plugin.protocol.issuance import Authority
from zmdm_plugin.protocol.scep import (
    FAIL_INFO,
    MESSAGE_TYPE,
    PKI_STATUS,
    RECIPIENT_NONCE,
    SENDER_NONCE,
    TRANSACTION_ID,
    FailInfo,
    MessageType,
    ScepHeader,
    ScepRequest,
)
from zmdm_plugin.protocol.tlv import (
    INTEGER,
    NULL,
    OCTETS,
    PRINTABLE,
    SEQUENCE,
    SET,
    UTF8,
    integer,
    oid,
    write,
    write_set,
)

CA_CERTIFICATE_TYPE: Final = "application/x-x509-ca-cert"
CA_BUNDLE_TYPE: Final = "application/x-x509-ca-ra-cert"
MESSAGE_CONTENT_TYPE: Final = "application/x-pki-message"
_SUCCESS: Final = "0"
_FAILURE: Final = "2"
_RSA_ENCRYPTION: Final = "1.2.840.113549.1.1.1"
_CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
_EXPLICIT_0: Final = 0xA0
_PRINTABLE_CHARACTERS: Final = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?"
)


def ca_certificates(certificates: Sequence[bytes]) -> tuple[str, bytes]:
    """Content type and body of GetCACert: one certificate bare, several as a bundle."""
    if len(certificates) == 1:
        return CA_CERTIFICATE_TYPE, certificates[0]
    return CA_BUNDLE_TYPE, certificates_only(certificates)


def certificates_only(certificates: Sequence[bytes]) -> bytes:
    """SignedData without a signer, in the order given, for clients take the first as theirs."""
    body = write(
        SEQUENCE,
        integer(1),
        write(SET),
        write(SEQUENCE, oid(DATA)),
        write(_EXPLICIT_0, *certificates),
        write(SET),
    )
    return write(SEQUENCE, oid(SIGNED_DATA), write(_EXPLICIT_0, body))


def build_success(
    request: ScepRequest, certificate: bytes, *, authority: Authority, chain: Sequence[bytes] = ()
) -> bytes:
    """The CertRep that hands over a certificate, sealed to whoever signed the request.

    `authority` is the one the request was sealed to: the client knows no other. Digest and cipher
    are the client's own, so that it can read them; `parse_request` let only permitted ones pass.
    """
    sealed = cms_envelope.encrypt(
        certificates_only((certificate, *chain)), request.signer, algorithm=request.cipher
    )
    attributes = [_attribute(PKI_STATUS, write(PRINTABLE, _SUCCESS.encode()))]
    return _cert_rep(request, attributes, content=sealed, authority=authority)


def build_failure(header: ScepHeader, fail_info: FailInfo, *, authority: Authority) -> bytes:
    """The CertRep that says no; it goes out with HTTP 200, or clients would not read it."""
    attributes = [
        _attribute(PKI_STATUS, write(PRINTABLE, _FAILURE.encode())),
        _attribute(FAIL_INFO, write(PRINTABLE, str(int(fail_info)).encode())),
    ]
    return _cert_rep(header, attributes, content=None, authority=authority)


def _cert_rep(
    header: ScepHeader, attributes: list[bytes], *, content: bytes | None, authority: Authority
) -> bytes:
    digest = header.digest
    members = [
        *attributes,
        _attribute(_CONTENT_TYPE, oid(DATA)),
        _attribute(_MESSAGE_DIGEST, write(OCTETS, hashlib.new(digest, content or b"").digest())),
        _attribute(MESSAGE_TYPE, write(PRINTABLE, str(int(MessageType.CERT_REP)).encode())),
        _attribute(TRANSACTION_ID, _characters(header.transaction_id)),
        _attribute(SENDER_NONCE, write(OCTETS, os.urandom(16))),
        _attribute(RECIPIENT_NONCE, write(OCTETS, header.sender_nonce)),
    ]
    digest_algorithm = write(SEQUENCE, oid(DIGEST_OIDS[digest]), write(NULL))
    carried = () if content is None else (write(_EXPLICIT_0, write(OCTETS, content)),)
    body = write(
        SEQUENCE,
        integer(1),
        write(SET, digest_algorithm),
        write(SEQUENCE, oid(DATA), *carried),
        write(_EXPLICIT_0, authority.certificate),
        write(SET, _signer_info(members, digest_algorithm, digest=digest, authority=authority)),
    )
    return write(SEQUENCE, oid(SIGNED_DATA), write(_EXPLICIT_0, body))


def _signer_info(
    members: list[bytes], digest_algorithm: bytes, *, digest: str, authority: Authority
) -> bytes:
    ours = known(authority.certificate)
    signature = authority.key.sign(
        write_set(SET, members), padding.PKCS1v15(), hash_algorithm(digest)
    )
    return write(
        SEQUENCE,
        integer(1),
        write(SEQUENCE, ours.issuer, write(INTEGER, ours.serial)),
        digest_algorithm,
        write_set(_EXPLICIT_0, members),
        write(SEQUENCE, oid(_RSA_ENCRYPTION), write(NULL)),
        write(OCTETS, signature),
    )


def _attribute(dotted: str, value: bytes) -> bytes:
    return write(SEQUENCE, oid(dotted), write(SET, value))


def _characters(value: str) -> bytes:
    """A transaction id is a PrintableString; one that came with other characters goes as UTF-8."""
    printable = _PRINTABLE_CHARACTERS.issuperset(value)
    return write(PRINTABLE if printable else UTF8, value.encode())
