"""One warm APNs client per push certificate and process, replaced when the certificate changes."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterable
from datetime import datetime

from cryptography.hazmat.primitives import serialization

from zmdm_plugin.clients.apns import ApnsClient
from zmdm_plugin.db import session
from zmdm_plugin.models import PushCertificate
from zmdm_plugin.services import vault
from zmdm_plugin.state import state

log = logging.getLogger(__name__)

_Pool = dict[int, tuple[datetime, ApnsClient]]


def clients_for(certificate_ids: Iterable[int]) -> dict[int, ApnsClient]:
    """The clients of these certificates, but for those whose certificate or key is unusable."""
    found = {
        ident: _client_for(session().get_one(PushCertificate, ident)) for ident in certificate_ids
    }
    return {ident: client for ident, client in found.items() if client is not None}


def _client_for(row: PushCertificate) -> ApnsClient | None:
    changed, pem, topic = row.updated_at, row.certificate, row.topic
    pool: _Pool = state().cache.setdefault("apns", {})
    known = pool.get(row.id)
    if known is not None and known[0] == changed:
        return known[1]
    if known is not None:
        known[1].close()
    key = vault.unseal(row, "private_key")
    if pem is None or topic is None or key is None:
        return None
    try:
        client = _client(pem.encode(), key, topic)
    except ValueError as error:
        log.error("push certificate %s cannot be used: %s", row.id, error)
        return None
    pool[row.id] = (changed, client)
    return client


def _client(certificate: bytes, key: bytes, topic: str) -> ApnsClient:
    settings = state().settings
    private_key = serialization.load_der_private_key(key, password=None)
    return ApnsClient(
        base_url=settings.apns_url,
        certificate_pem=certificate,
        key_pem=private_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        topic=topic,
        ca_file=_ca_file(settings.apns_ca),
        proxy=settings.apns_proxy or None,
    )


def _ca_file(roots: str) -> str | None:
    """The configured roots as a file, which is the only form OpenSSL's context takes them in."""
    if not roots:
        return None
    cache = state().cache
    if "apns_ca_file" not in cache:
        descriptor, path = tempfile.mkstemp(prefix="zmdm-apns-ca-", suffix=".pem")
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(roots)
        cache["apns_ca_file"] = path
    path_: str = cache["apns_ca_file"]
    return path_
