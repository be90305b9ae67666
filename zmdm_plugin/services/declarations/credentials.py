"""What a certificate asset points at: how the device gets the certificate, made at download.

A certificate of the built-in CA is asked for with a challenge that names channel and version, so
that its subject is ours to say and never the request's.
https://developer.apple.com/documentation/devicemanagement/credentialscep
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import NotFound, Refused
from zmdm_plugin.models import ArtifactVersion, Channel, ScepIssuer
from zmdm_plugin.protocol import variables
from zmdm_plugin.services import ca, vault
from zmdm_plugin.services.declarations import offers
from zmdm_plugin.state import state

CONTENT_TYPE = "application/json"
_MARK = "asset"
_LIFETIME = timedelta(days=1)
_PURPOSE = b"zmdm challenges of certificate assets"


@dataclass(frozen=True, slots=True)
class Named:
    """Who a certificate is for."""

    subject: tuple[tuple[str, str], ...]
    """(short name or OID, value)"""
    alternative_names: Mapping[str, str]


def scep(
    version: ArtifactVersion, channel: Channel, *, values: Mapping[str, str], now: datetime
) -> bytes:
    """The credential of one channel; Refused when a variable in it has no value here."""
    named = _named(version, values)
    issuer = session().get(ScepIssuer, version.content["scep_issuer"])
    if issuer is None:
        raise NotFound("the issuer of this certificate is gone")
    credential: dict[str, Any] = {
        "URL": issuer.url,
        "Name": issuer.ca_name,
        "Subject": [[list(part)] for part in named.subject],
        "SubjectAltName": dict(named.alternative_names) or None,
        "Challenge": _secret(issuer),
        "Keysize": issuer.key_size,
        "Key Type": "RSA",
        "Key Usage": issuer.key_usage,
        "CAFingerprint": _fingerprint(issuer.ca_fingerprint),
    }
    if issuer.kind == ca.BUILTIN:
        credential["URL"] = f"{state().settings.base_url}/public/mdm/scep/"
        credential["Challenge"] = _challenge(channel.uid, version.uid, until=now + _LIFETIME)
    return json.dumps({key: value for key, value in credential.items() if value}).encode()


def is_ours(challenge: str) -> bool:
    """Whether a challenge looks like one of a certificate asset, so that `named_by` decides."""
    return challenge.startswith(f"{_MARK}.")


def named_by(challenge: str, *, now: datetime) -> Named:
    """Who the certificate of this challenge is for; Refused with the reason.

    The channel's row is locked, so that one challenge gives one certificate.
    """
    head, _, proof = challenge.rpartition(".")
    keys = state().settings.sealing_keys
    if not any(hmac.compare_digest(proof.encode(), _proof(key, head).encode()) for key in keys):
        raise Refused("challenge", "the challenge is not one of ours")
    _, channel_uid, version_uid, until = head.split(".")
    if int(until) < now.timestamp():
        raise Refused("challenge", "the challenge has expired; the device has to fetch it again")
    channel = session().scalar(
        sa.select(Channel).where(Channel.uid == channel_uid).with_for_update(of=Channel)
    )
    line = offers.line_of(channel, version_uid) if channel is not None else None
    version = session().scalar(sa.select(ArtifactVersion).where(ArtifactVersion.uid == version_uid))
    if line is None or version is None:
        raise Refused("challenge", "this certificate is not offered to the device any more")
    return _named(version, line.extra.get("values") or {})


def _named(version: ArtifactVersion, values: Mapping[str, str]) -> Named:
    content = version.content
    asked = {"subject": content["subject"], "names": content["subject_alt_name"]}
    given, unresolved = variables.substitute(asked, values)
    if unresolved:
        raise Refused("", f"no value for {', '.join(sorted(unresolved))}")
    subject = tuple((part["type"], part["value"]) for part in given["subject"])
    return Named(subject, given["names"])


def _secret(issuer: ScepIssuer) -> str | None:
    found = vault.unseal(issuer, "challenge")
    return found.decode() if found is not None else None


def _challenge(channel_uid: str, version_uid: str, *, until: datetime) -> str:
    head = f"{_MARK}.{channel_uid}.{version_uid}.{int(until.astimezone(UTC).timestamp())}"
    return f"{head}.{_proof(state().settings.sealing_keys[0], head)}"


def _proof(key: bytes, head: str) -> str:
    derived = hmac.digest(key, _PURPOSE, "sha256")
    return hmac.new(derived, head.encode(), hashlib.sha256).hexdigest()


def _fingerprint(text: str | None) -> str | None:
    """Data in JSON is base64."""
    return base64.b64encode(bytes.fromhex(text)).decode() if text else None
