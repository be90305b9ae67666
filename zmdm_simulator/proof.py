"""How a request proves which device sends it.

A signature over the body (Mdm-Signature), a client certificate in TLS, or the headers that a proxy
sets after it has checked that certificate.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from urllib.parse import quote

from zmdm_simulator import cms, pki

SIGNATURE_HEADER = "Mdm-Signature"
# How a proxy writes the attribute types of a subject (RFC 4514, OpenSSL's names).
SHORT_NAMES = {"2.5.4.5": "serialNumber", "0.9.2342.19200300.100.1.1": "UID"}


class Proof(Enum):
    """The ways, AUTO doing what the MDM payload says (SignMessage, or else TLS)."""

    AUTO = "auto"
    SIGNATURE = "signature"
    TLS = "tls"
    PROXY_PEM = "proxy-pem"  # X-SSL-Client-Cert: URL-escaped PEM, as nginx makes it
    PROXY_RFC9440 = "proxy-rfc9440"  # X-SSL-Client-Cert: :base64 of DER:
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Prover:
    """Adds the proof to requests."""

    proof: Proof = Proof.SIGNATURE
    style: cms.Style = cms.REAL_DEVICE
    certificate_header: str = "X-SSL-Client-Cert"
    subject_header: str = "X-SSL-Client-S-DN"

    def headers(
        self, body: bytes, identity: pki.Identity, *, at: datetime | None = None
    ) -> Mapping[str, str]:
        """Return the headers that prove this identity for this body."""
        if self.proof is Proof.SIGNATURE:
            signed = cms.sign_detached(body, identity, style=self.style, at=at)
            return {SIGNATURE_HEADER: base64.b64encode(signed).decode()}
        if self.proof is Proof.PROXY_PEM:
            text = quote(pki.pem(identity.certificate).decode(), safe="")
        elif self.proof is Proof.PROXY_RFC9440:
            text = f":{base64.b64encode(pki.der(identity.certificate)).decode()}:"
        else:
            return {}
        subject = identity.certificate.subject.rfc4514_string(
            {
                attribute.oid: SHORT_NAMES[attribute.oid.dotted_string]
                for attribute in identity.certificate.subject
                if attribute.oid.dotted_string in SHORT_NAMES
            }
        )
        return {self.certificate_header: text, self.subject_header: quote(subject, safe="=, ")}
