"""What operators upload as a version, read and checked by the artifact's type."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from zmdm_plugin.db import session
from zmdm_plugin.errors import ProtocolError, Refused
from zmdm_plugin.models import Artifact, ScepIssuer
from zmdm_plugin.models.artifacts import DECLARATIONS
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol import cms, plist, problems, profile_lint, variables
from zmdm_plugin.protocol.platform import Platform
from zmdm_plugin.protocol.problems import Problem
from zmdm_plugin.services.artifacts import app_uploads, declared
from zmdm_plugin.services.artifacts.upload import Upload
from zmdm_plugin.services.keyset import MAX_ID
from zmdm_plugin.state import state

SUBJECT_TYPES = frozenset({"C", "CN", "L", "O", "OU", "ST"})
SAN_KEYS = ("rfc822Name", "dNSName", "uniformResourceIdentifier", "ntPrincipalName")
ACCESSIBLE = ("Default", "AfterFirstUnlock")
_OID = re.compile(r"[0-2](\.[0-9]{1,10}){1,20}\Z")
_OLD_RSA = 1024
_LONGEST_TEXT = 1000
_MOST_TOLD = 5


class Faulty(Refused):
    """A source has errors; all of them are in `problems`, each with its path."""

    def __init__(self, why: str, problems: list[Problem]) -> None:
        super().__init__("source", why)
        self.problems = problems


def read(artifact: Artifact, source: bytes) -> Upload:
    """Check a source for this artifact; Refused("source", …) says what is wrong with it."""
    most = state().settings.artifact_max_size
    if not source:
        raise Refused("source", "is empty")
    if len(source) > most:
        raise Refused("source", f"has {len(source)} bytes; at most {most} are taken")
    return READERS[artifact.type](artifact, source)


def _profile(artifact: Artifact, source: bytes) -> Upload:
    try:
        found = profile_lint.inspect(source)
    except ProtocolError as error:
        raise Refused("source", str(error)) from None
    channel: Literal["device", "user"] = "user" if artifact.channel == "user" else "device"
    platforms = [Platform(name) for name in artifact.platforms]
    told = profile_lint.problems(found, channel=channel, platforms=platforms)
    content = {
        "payload_identifier": found.identifier,
        "payload_uuid": found.uuid,
        "display_name": found.display_name,
        "description": found.description,
        "scope": found.scope,
        "payload_types": list(found.payload_types),
        "signed": found.signed,
        "signer": found.signer,
    }
    return Upload(
        source=source,
        content=content,
        content_type="application/x-apple-aspen-config",
        variables=variables.used(found.content),
        warnings=refuse_errors(told),
    )


def _provisioning_profile(_artifact: Artifact, source: bytes) -> Upload:
    """Signed by Apple, who alone can say whether it holds; the device checks that."""
    try:
        inner = plist.loads(cms.verify_attached(source, minimum_rsa_bits=_OLD_RSA).content)
    except ProtocolError as error:
        raise Refused("source", f"is no provisioning profile: {error}") from None
    if not isinstance(inner, dict) or not all(_text(inner, key) for key in ("UUID", "Name")):
        raise Refused("source", "is no provisioning profile: it has no UUID and Name")
    expires = inner.get("ExpirationDate")
    at = expires.replace(tzinfo=UTC) if isinstance(expires, datetime) else None
    content = {
        "name": inner["Name"],
        "uuid": inner["UUID"],
        "app_id_name": _text(inner, "AppIDName"),
        "team_name": _text(inner, "TeamName"),
        "expires_at": at.isoformat().replace("+00:00", "Z") if at else None,
        "all_devices": bool(inner.get("ProvisionsAllDevices")),
    }
    late = at is not None and at <= utcnow()
    return Upload(
        source=source,
        content=content,
        content_type="application/octet-stream",
        warnings=["The provisioning profile has expired."] if late else [],
    )


def _data_asset(_artifact: Artifact, source: bytes) -> Upload:
    if source.startswith(b"PK"):
        return Upload(source=source, content=_zip(source), content_type="application/zip")
    try:
        plist.loads(source)
    except ProtocolError as error:
        raise Refused("source", f"is neither a property list nor a zip archive: {error}") from None
    binary = source.startswith(b"bplist")
    kind = "application/x-plist" if binary else "text/xml"
    return Upload(source=source, content={"kind": "plist"}, content_type=kind)


def _zip(source: bytes) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(io.BytesIO(source)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise Refused("source", f"is no zip archive: {error}") from None
    return {"kind": "zip", "files": len(names)}


def _cert_asset(_artifact: Artifact, source: bytes) -> Upload:
    given = declared.json_object(source)
    for key in given.keys() - {"scep_issuer", "subject", "subject_alt_name", "accessible"}:
        raise Refused("source", f"{key[:50]} is unknown")
    issuer = given.get("scep_issuer")
    if type(issuer) is not int or not 0 < issuer <= MAX_ID or not session().get(ScepIssuer, issuer):
        raise Refused("scep_issuer", "there is no such SCEP issuer")
    subject = _subject(given.get("subject") or [])
    names = _alternative_names(given.get("subject_alt_name") or {})
    if not subject and not names:
        raise Refused("subject", "say a subject, or alternative names")
    if (accessible := given.get("accessible", ACCESSIBLE[0])) not in ACCESSIBLE:
        raise Refused("accessible", f"must be one of {', '.join(ACCESSIBLE)}")
    content = {
        "scep_issuer": issuer,
        "subject": subject,
        "subject_alt_name": names,
        "accessible": accessible,
    }
    return Upload(
        source=json.dumps(content, sort_keys=True, ensure_ascii=False).encode(),
        content=content,
        content_type="application/json",
        variables=variables.used([subject, names]),
    )


def _subject(given: Any) -> list[dict[str, str]]:
    if not isinstance(given, list) or len(given) > 50:
        raise Refused("subject", "must be a list of {type, value}")
    found = []
    for part in given:
        if not isinstance(part, dict) or part.keys() != {"type", "value"}:
            raise Refused("subject", "must be a list of {type, value}")
        kind, value = part["type"], part["value"]
        if not isinstance(kind, str) or not (kind in SUBJECT_TYPES or _OID.match(kind)):
            raise Refused(
                "subject", f"a type is an OID or one of {', '.join(sorted(SUBJECT_TYPES))}"
            )
        found.append({"type": kind, "value": _value("subject", value)})
    return found


def _alternative_names(given: Any) -> dict[str, str]:
    if not isinstance(given, dict) or given.keys() - set(SAN_KEYS):
        raise Refused("subject_alt_name", f"has the keys {', '.join(SAN_KEYS)}")
    return {key: _value("subject_alt_name", value) for key, value in given.items()}


def _value(field: str, value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_TEXT:
        raise Refused(field, f"a value has 1 to {_LONGEST_TEXT} characters")
    return value


def _declaration(artifact: Artifact, source: bytes) -> Upload:
    found = declared.read(artifact, source)
    told = refuse_errors(found.problems)
    return Upload(
        source=source,
        content=found.content,
        content_type="application/json",
        variables=variables.used(found.content["payload"]),
        warnings=told,
    )


def refuse_errors(found: Iterable[Problem]) -> list[str]:
    """Faulty if there is an error among them, else the warnings in words."""
    told = list(found)
    if wrong := problems.errors(told):
        more = f" (and {len(wrong) - _MOST_TOLD} more)" if len(wrong) > _MOST_TOLD else ""
        raise Faulty("; ".join(map(str, wrong[:_MOST_TOLD])) + more, wrong)
    return [str(one) for one in problems.warnings(told)]


def _text(value: Mapping[str, Any], key: str) -> str | None:
    found = value.get(key)
    return found[:_LONGEST_TEXT] if isinstance(found, str) and found else None


READERS: dict[str, Callable[[Artifact, bytes], Upload]] = {
    "profile": _profile,
    "provisioning_profile": _provisioning_profile,
    "data_asset": _data_asset,
    "cert_asset": _cert_asset,
    **app_uploads.READERS,
    **dict.fromkeys(DECLARATIONS, _declaration),
}
