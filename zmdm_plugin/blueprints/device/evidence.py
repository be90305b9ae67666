"""Proof of an identity key: an Mdm-Signature, or what a trusted mTLS proxy hands on.

Either way is accepted whatever `ZMDM_MTLS_PROXY` says, for devices keep what they enrolled with;
the header counts only from a raw peer address in `ZMDM_TRUSTED_PROXIES`, and while the setting is
off only for devices that enrolled without signing (`Evidence.vouched`).
"""

from __future__ import annotations

import functools
import re
from datetime import datetime
from urllib.parse import unquote

from flask import Request
from werkzeug.exceptions import RequestHeaderFieldsTooLarge

from zmdm_plugin.errors import IdentityError
from zmdm_plugin.protocol import cms, x509
from zmdm_plugin.protocol.client_certificate import certificate_from_header
from zmdm_plugin.services.identity import Evidence
from zmdm_plugin.state import state
from zmdm_plugin.web.proxies import peer_is_trusted

_MAX_HEADER = 65536
_PLAIN_NAME = re.compile(r"[A-Za-z0-9 ._-]+")


def evidence_of(request: Request, body: bytes) -> Evidence:
    """Whose key signed this request; IdentityError (never 401) when nobody's did."""
    signature = request.headers.get("Mdm-Signature")
    if signature:
        if len(signature) > _MAX_HEADER:
            raise RequestHeaderFieldsTooLarge
        return signed_by(signature, body)
    certificate = _proxied(request)
    if certificate is None:
        raise IdentityError("the request is not signed: no Mdm-Signature, no client certificate")
    vouched = not state().settings.mtls_proxy
    return _evidence(certificate, x509.fingerprint(certificate), vouched=vouched)


def signed_by(signature: str, body: bytes) -> Evidence:
    """Whose key made this Mdm-Signature over the body."""
    signer = cms.verify_detached(cms.decode_header(signature), body)
    return _evidence(signer.certificate, signer.fingerprint)


def _proxied(request: Request) -> bytes | None:
    """The client certificate of a trusted proxy's TLS session."""
    settings = state().settings
    header = request.headers.get(settings.client_cert_header)
    if not header or not peer_is_trusted(request.environ, settings.trusted_proxies):
        return None
    certificate = certificate_from_header(header)
    name = unquote(request.headers.get(settings.client_dn_header, ""))
    common_name = x509.facts(certificate).common_name or ""
    # Proxies escape other characters each in their own way, so only plain names are compared.
    if name and _PLAIN_NAME.fullmatch(common_name) and common_name not in name:
        raise IdentityError("the proxy's certificate and subject headers do not belong together")
    return certificate


def _evidence(certificate: bytes, fingerprint: str, *, vouched: bool = False) -> Evidence:
    not_before, not_after = _span(fingerprint, certificate)
    return Evidence(
        certificate=certificate,
        fingerprint=fingerprint,
        not_before=not_before,
        not_after=not_after,
        vouched=vouched,
    )


@functools.lru_cache(maxsize=20_000)
def _span(_fingerprint: str, certificate: bytes) -> tuple[datetime, datetime]:
    facts = x509.facts(certificate)
    return facts.not_before, facts.not_after
