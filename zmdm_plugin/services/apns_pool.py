"""One warm APNs client per push certificate and process, replaced when the certificate changes."""

from __future__ import annotations

import logging
from typing import cast

from cryptography.hazmat.primitives import serialization

from zmdm_plugin.clients.apns import ApnsClient
from zmdm_plugin.db import session
from zmdm_plugin.errors import ZmdmError
from zmdm_plugin.models import PushCertificate
from zmdm_plugin.protocol import pem
from zmdm_plugin.services import vault
from zmdm_plugin.state import State, state

log = logging.getLogger(__name__)

_Pool = dict[int, tuple[str, ApnsClient]]
_BUDGET = 45.0
"""Seconds for one batch; never more than half of its claim, so that nobody else sends it too."""


def client_of(certificate_id: int) -> ApnsClient | None:
    """The client of this certificate; None when it or its key is unusable, which is logged."""
    row = session().get_one(PushCertificate, certificate_id)
    pool = _pool(state())
    known = pool.get(row.id)
    if known is not None and known[0] == row.certificate:
        return known[1]
    if known is not None:
        del pool[row.id]
        known[1].close()
    if row.certificate is None or row.topic is None:
        return None
    try:
        client = _client(row, row.certificate, row.topic)
    except (ValueError, ZmdmError) as error:
        log.error("push certificate %s cannot be used: %s", row.id, error)
        return None
    pool[row.id] = (row.certificate, client)
    return client


def hurry(of: State, *, grace: float) -> None:
    """End the batches on their way within `grace` seconds; a signal handler may call it."""
    for _, client in tuple(_pool(of).values()):
        client.hurry(grace)


def close(of: State) -> None:
    """Say goodbye to Apple: what a process does at its end."""
    pool = _pool(of)
    while pool:
        _, (_, client) = pool.popitem()
        client.close()


def _pool(of: State) -> _Pool:
    return cast(_Pool, of.cache.setdefault("apns", {}))


def _client(row: PushCertificate, certificate: str, topic: str) -> ApnsClient:
    key = vault.unseal(row, "private_key")
    if key is None:
        raise ValueError("it has no key")
    settings = state().settings
    private_key = pem.kept_key(key)
    return ApnsClient(
        base_url=settings.apns_url,
        certificate_pem=certificate.encode(),
        key_pem=private_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        topic=topic,
        ca_pem=settings.apns_ca or None,
        proxy=settings.apns_proxy or None,
        budget=min(_BUDGET, settings.push_lease / 2),
    )
