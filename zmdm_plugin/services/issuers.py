"""SCEP issuers that stand elsewhere: an enterprise CA, a public service."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict, Refused
from zmdm_plugin.models import Artifact, ArtifactVersion, Enrollment, ScepIssuer
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
    _check_url(url)
    fingerprint = _fingerprint(ca_fingerprint)
    _check_name(name)
    row = ScepIssuer(
        name=name,
        kind=EXTERNAL,
        url=url,
        key_size=key_size,
        key_usage=key_usage,
        ca_name=ca_name,
        ca_fingerprint=fingerprint,
    )
    vault.seal(row, "challenge", challenge.encode() if challenge else None)
    session().add(row)
    session().flush()
    events.record("issuer.created", name=name)
    return row


def update(row: ScepIssuer, changes: Mapping[str, Any]) -> None:
    """Change an external issuer; profiles that are made from now on name what it is now."""
    if row.kind != EXTERNAL and changes.keys() - {"name"}:
        raise Conflict("only the name of the built-in issuer can be changed")
    values = dict(changes)
    if "name" in values and values["name"] != row.name:
        _check_name(values["name"])
    if "url" in values:
        _check_url(values["url"])
    if "ca_fingerprint" in values:
        values["ca_fingerprint"] = _fingerprint(values["ca_fingerprint"])
    if "challenge" in values:
        challenge = values.pop("challenge")
        vault.seal(row, "challenge", challenge.encode() if challenge else None)
    for column, value in values.items():
        setattr(row, column, value)
    session().flush()
    events.record("issuer.changed", name=row.name)


def delete(row: ScepIssuer) -> None:
    """Delete an external issuer; Conflict as long as an enrollment or an asset names it."""
    session().refresh(row, with_for_update=True)
    if row.kind != EXTERNAL:
        raise Conflict("the built-in issuer stays")
    used = sa.select(Enrollment.id).where(Enrollment.scep_issuer_id == row.id)
    if session().scalar(used.limit(1)) is not None:
        raise Conflict("an enrollment uses this issuer")
    named = ArtifactVersion.content["scep_issuer"].as_integer() == row.id
    asked = (
        sa.select(Artifact.name).join(ArtifactVersion).where(Artifact.type == "cert_asset", named)
    )
    if (name := session().scalar(asked.limit(1))) is not None:
        raise Conflict(f"the certificate asset “{name}” uses this issuer")
    events.record("issuer.deleted", name=row.name)
    session().delete(row)
    session().flush()


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        good = False
    if not good:
        raise Refused("url", "must be a URL like https://scep.example.com/scep")


def _check_name(name: str) -> None:
    if session().scalar(sa.select(ScepIssuer.id).where(ScepIssuer.name == name)) is not None:
        raise Refused("name", "there is an issuer with this name")


def _fingerprint(text: str | None) -> str | None:
    plain = re.sub(r"[:\s]", "", text or "").lower()
    if plain and not re.fullmatch(r"[0-9a-f]{32,128}", plain):
        raise Refused("ca_fingerprint", "must be hexadecimal")
    return plain or None
