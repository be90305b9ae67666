"""A SCEP client of asn1crypto and openssl, so that no codec of ours checks itself."""

from __future__ import annotations

import hashlib
from typing import Any

from asn1crypto import cms, core
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.unit.protocol import openssl

PREFIX = "2.16.840.1.113733.1.9."
NONCE = bytes(range(16))
LEGACY = ("-provider", "legacy", "-provider", "default")


def attribute(kind: str, *values: Any) -> cms.CMSAttribute:
    wrapped = [core.Any(value) for value in values] if kind.startswith(PREFIX) else list(values)
    return cms.CMSAttribute({"type": kind, "values": wrapped})


def seal(content: bytes, certificate: bytes, *, cipher: str = "-aes256") -> bytes:
    recipient = openssl.run("x509", "-inform", "DER", stdin=certificate)
    path = openssl.file("recipient.pem", recipient)
    legacy = LEGACY if cipher == "-des" else ()
    return openssl.run(
        "cms", "-encrypt", "-binary", "-outform", "DER", cipher, *legacy, path, stdin=content
    )


def signer_info(
    attributes: cms.CMSAttributes, signer: openssl.Identity, *, digest: str
) -> cms.SignerInfo:
    certificate = asn1_x509.Certificate.load(signer.der)
    algorithm = getattr(hashes, digest.upper())()
    return cms.SignerInfo(
        {
            "version": "v1",
            "sid": cms.SignerIdentifier(
                "issuer_and_serial_number",
                {"issuer": certificate.issuer, "serial_number": certificate.serial_number},
            ),
            "digest_algorithm": {"algorithm": digest},
            "signed_attrs": attributes,
            "signature_algorithm": {"algorithm": "rsassa_pkcs1v15"},
            "signature": signer.private.sign(
                attributes.untag().dump(), padding.PKCS1v15(), algorithm
            ),
        }
    )


def message(
    content: bytes,
    signer: openssl.Identity,
    *,
    kind: str = "19",
    digest: str = "sha256",
    transaction_id: str = "TX-1",
    nonce: bytes = NONCE,
    extra: tuple[cms.CMSAttribute, ...] = (),
) -> bytes:
    """A PKIMessage around a sealed request."""
    attributes = cms.CMSAttributes(
        [
            attribute("content_type", "data"),
            attribute("message_digest", hashlib.new(digest, content).digest()),
            attribute(PREFIX + "2", core.PrintableString(kind)),
            attribute(PREFIX + "5", core.OctetString(nonce)),
            attribute(PREFIX + "7", core.PrintableString(transaction_id)),
            *extra,
        ]
    )
    info = signer_info(attributes, signer, digest=digest)
    signed = {
        "version": "v1",
        "digest_algorithms": [{"algorithm": digest}],
        "encap_content_info": {"content_type": "data", "content": content},
        "certificates": [asn1_x509.Certificate.load(signer.der)],
        "signer_infos": [info],
    }
    return cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump()


def attributes_of(reply: bytes) -> dict[str, Any]:
    """The SCEP attributes of a CertRep by the last arc of their object identifier."""
    info = cms.ContentInfo.load(reply)["content"]["signer_infos"][0]
    return {
        one["type"].dotted.removeprefix(PREFIX): one["values"][0].native
        for one in info["signed_attrs"]
        if one["type"].dotted.startswith(PREFIX)
    }


def certificates_of(degenerate: bytes) -> list[bytes]:
    """The certificates of a certs-only message in their order on the wire."""
    return [
        one.chosen.dump() for one in cms.ContentInfo.load(degenerate)["content"]["certificates"]
    ]


def authentic(reply: bytes, authority: bytes) -> bytes:
    """The content of a reply, if openssl says that the authority signed it."""
    trusted = openssl.file("authority.pem", openssl.run("x509", "-inform", "DER", stdin=authority))
    return openssl.run(
        "cms", "-verify", "-inform", "DER", "-binary", "-purpose", "any", "-CAfile", trusted,
        "-no_check_time", stdin=reply,
    )  # fmt: skip


def opened(sealed: bytes, owner: openssl.Identity) -> bytes:
    """The certs-only message in the envelope of a reply."""
    return openssl.run(
        "cms", "-decrypt", "-binary", "-inform", "DER", *LEGACY,
        "-recip", owner.certificate, "-inkey", owner.key, stdin=sealed,
    )  # fmt: skip
