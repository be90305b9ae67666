"""Which digests, signatures and ciphers exist for us, by object identifier, and how to verify."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol.tlv import SEQUENCE, Tlv, inside, oid_content, read

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

MAXIMUM_RSA_BITS: Final = 8192  # larger moduli only serve to keep the server busy

_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1(),
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
DIGEST_OIDS: Final = {
    "sha1": "1.3.14.3.2.26",
    "sha224": "2.16.840.1.101.3.4.2.4",
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2",
    "sha512": "2.16.840.1.101.3.4.2.3",
}
_DIGESTS: Final = {oid_content(dotted): name for name, dotted in DIGEST_OIDS.items()}
_REFUSED_DIGESTS: Final = frozenset(
    oid_content(dotted)
    for dotted in ("1.2.840.113549.2.2", "1.2.840.113549.2.5", "1.2.840.113549.1.1.4")
)
# Signature algorithm -> digest; None where the digest comes from elsewhere.
_RSA: Final = {
    oid_content(dotted): digest
    for dotted, digest in (
        ("1.2.840.113549.1.1.1", None),
        ("1.2.840.113549.1.1.5", "sha1"),
        ("1.3.14.3.2.29", "sha1"),
        ("1.2.840.113549.1.1.14", "sha224"),
        ("1.2.840.113549.1.1.11", "sha256"),
        ("1.2.840.113549.1.1.12", "sha384"),
        ("1.2.840.113549.1.1.13", "sha512"),
    )
}
_PSS: Final = oid_content("1.2.840.113549.1.1.10")
_ECDSA: Final = {
    oid_content(dotted): digest
    for dotted, digest in (
        ("1.2.840.10045.2.1", None),
        ("1.2.840.10045.4.1", "sha1"),
        ("1.2.840.10045.4.3.1", "sha224"),
        ("1.2.840.10045.4.3.2", "sha256"),
        ("1.2.840.10045.4.3.3", "sha384"),
        ("1.2.840.10045.4.3.4", "sha512"),
    )
}
_PKCS1: Final = padding.PKCS1v15()


class UnsupportedAlgorithm(ProtocolError):
    """An algorithm that is unknown, or too weak to prove anything (MD5, short RSA keys)."""


class BadSignature(ProtocolError):
    """The signature does not fit the bytes and the key."""


@dataclass(frozen=True, slots=True)
class SignatureScheme:
    """How a signature was made: its digest by name, and the RSA padding (None for ECDSA)."""

    digest: str
    padding: padding.AsymmetricPadding | None


_SCHEMES: Final = {
    **{(code, name): SignatureScheme(name, _PKCS1) for code in _RSA for name in _HASHES},
    **{(code, name): SignatureScheme(name, None) for code in _ECDSA for name in _HASHES},
}


def digest_name(algorithm: Tlv) -> str:
    """The name of the digest in an AlgorithmIdentifier."""
    code = inside(algorithm)[0].content
    name = _DIGESTS.get(code)
    if name is None:
        weak = code in _REFUSED_DIGESTS
        raise UnsupportedAlgorithm("MD5 proves nothing" if weak else "unknown digest algorithm")
    return name


def signature_scheme(algorithm: Tlv, digest: str | None = None) -> SignatureScheme:
    """Read a signature AlgorithmIdentifier; `digest` is what the structure around it says.

    Both must agree, or a signature could be read under another digest than it was made with.
    """
    members = inside(algorithm)
    code = members[0].content
    if code == _PSS:
        scheme = _pss(members[1] if len(members) > 1 else read(b"\x30\x00"))
    else:
        own = _RSA[code] if code in _RSA else _ECDSA.get(code)
        found = _SCHEMES.get((code, own or digest or ""))
        if found is None:
            raise UnsupportedAlgorithm("unknown signature algorithm")
        scheme = found
    if digest is not None and scheme.digest != digest:
        raise UnsupportedAlgorithm("signature and digest algorithms contradict each other")
    return scheme


def _pss(parameters: Tlv) -> SignatureScheme:
    """Read RSASSA-PSS-params: [0] digest, [1] mask generation; each is SHA-1 when absent."""
    fields = {field.tag: field.content for field in inside(parameters, SEQUENCE)}
    digest = digest_name(read(fields[0xA0])) if 0xA0 in fields else "sha1"
    mask = digest_name(inside(read(fields[0xA1]))[1]) if 0xA1 in fields else "sha1"
    return SignatureScheme(digest, padding.PSS(padding.MGF1(_HASHES[mask]), padding.PSS.AUTO))


def usable_key(key: PublicKeyTypes, *, minimum_rsa_bits: int) -> PublicKey:
    """The key itself if it is RSA of a fair size or on an elliptic curve of at least 224 bits."""
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < minimum_rsa_bits:
            raise UnsupportedAlgorithm(
                f"an RSA key of {key.key_size} bits is too short, {minimum_rsa_bits} are needed"
            )
        if key.key_size > MAXIMUM_RSA_BITS:
            raise UnsupportedAlgorithm(f"an RSA key of {key.key_size} bits is too long")
        return key
    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.key_size < 224:
            raise UnsupportedAlgorithm("the elliptic curve of the key is too small")
        return key
    raise UnsupportedAlgorithm("neither an RSA nor an elliptic curve key")


def verify(key: PublicKey, signature: bytes, *, message: bytes, scheme: SignatureScheme) -> None:
    """Check a signature over `message`, or raise BadSignature."""
    digest = _HASHES[scheme.digest]
    try:
        if isinstance(key, rsa.RSAPublicKey):
            if scheme.padding is None:
                raise BadSignature("an ECDSA signature cannot come from an RSA key")
            key.verify(signature, message, scheme.padding, digest)
        elif scheme.padding is None:
            key.verify(signature, message, ec.ECDSA(digest))
        else:
            raise BadSignature("an RSA signature cannot come from an elliptic curve key")
    except InvalidSignature:
        raise BadSignature("the signature does not fit") from None


def hash_algorithm(name: str) -> hashes.HashAlgorithm:
    """The digest object that `cryptography` wants, by our name."""
    return _HASHES[name]
