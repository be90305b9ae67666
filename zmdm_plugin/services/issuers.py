"""SCEP issuers that stand elsewhere: an enterprise CA, a public service."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import ScepIssuer
from zmdm_plugin.services import events, vault

EXTERNAL = "external"


def create(
    name: str,
    url: str,
    *,
    challenge: str | None = None,
    key_size: int = 2048,
    key_usage: int = 5,
    ca_name: str | None = None,
    ca_fingerprint: str | None = None,
) -> ScepIssuer:
    """Add an external issuer; Refused with (field, why)."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Refused("url", "must be a URL like https://scep.example.com/scep")
    fingerprint = re.sub(r"[:\s]", "", ca_fingerprint or "").lower()
    if fingerprint and not re.fullmatch(r"[0-9a-f]{32,128}", fingerprint):
        raise Refused("ca_fingerprint", "must be hexadecimal")
    if session().scalar(sa.select(ScepIssuer.id).where(ScepIssuer.name == name)) is not None:
        raise Refused("name", "there is an issuer with this name")
    row = ScepIssuer(
        name=name,
        kind=EXTERNAL,
        url=url,
        key_size=key_size,
        key_usage=key_usage,
        ca_name=ca_name,
        ca_fingerprint=fingerprint or None,
    )
    vault.seal(row, "challenge", challenge.encode() if challenge else None)
    session().add(row)
    session().flush()
    events.record("issuer.created", name=name)
    return row
