"""Declarative management on the wire: tokens, the list of declarations, and status reports.

https://developer.apple.com/documentation/devicemanagement/leveraging-the-declarative-management-data-model-to-scale-devices
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from zmdm_plugin.errors import ProtocolError

CONTENT_TYPE = "application/json"
MAX_IDENTIFIER = 64
MAX_TOKEN = 64
MAX_REPORT = 8 * 1024 * 1024
_MAX_PATH = 512


class Kind(StrEnum):
    """The four kinds, as the path of a fetch spells them."""

    ACTIVATION = "activation"
    CONFIGURATION = "configuration"
    ASSET = "asset"
    MANAGEMENT = "management"


SECTIONS = {
    Kind.ACTIVATION: "Activations",
    Kind.CONFIGURATION: "Configurations",
    Kind.ASSET: "Assets",
    Kind.MANAGEMENT: "Management",
}
REPORTED = {
    "activations": Kind.ACTIVATION,
    "configurations": Kind.CONFIGURATION,
    "assets": Kind.ASSET,
    "management": Kind.MANAGEMENT,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One declaration in the list; another server token makes the device fetch it again."""

    kind: Kind
    identifier: str
    server_token: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What is asked for; `kind` and `identifier` are those of a `declaration` alone."""

    name: str
    """tokens | declaration-items | declaration | status"""
    kind: Kind | None = None
    identifier: str = ""


def endpoint(text: str) -> Endpoint:
    """Read the Endpoint of a request; ProtocolError for one that Apple's page does not know.

    https://developer.apple.com/documentation/devicemanagement/declarativemanagementrequest
    """
    if len(text) > _MAX_PATH:
        raise ProtocolError("Endpoint is too long")
    if text in ("tokens", "declaration-items", "status"):
        return Endpoint(text)
    match text.split("/"):
        case ["declaration", kind, identifier] if kind in set(Kind) and identifier:
            return Endpoint("declaration", Kind(kind), identifier)
    raise ProtocolError("Endpoint is none of tokens, declaration-items, declaration/…, status")


# -- what we send ------------------------------------------------------------------------------


def declarations_token(entries: Iterable[Entry]) -> str:
    """The token of a whole list: the same content has the same token, in whatever order."""
    lines = sorted([str(entry.kind), entry.identifier, entry.server_token] for entry in entries)
    return hashlib.sha256(_dumps(lines)).hexdigest()


def sync_tokens(token: str, at: datetime) -> bytes:
    """The TokensResponse, also the Data of a DeclarativeManagement command.

    https://developer.apple.com/documentation/devicemanagement/tokensresponse
    """
    stamp = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return _dumps({"SyncTokens": {"DeclarationsToken": token, "Timestamp": stamp}})


def declaration_items(entries: Iterable[Entry], token: str) -> bytes:
    """The DeclarationItemsResponse; Apple wants all four lists, empty ones too.

    https://developer.apple.com/documentation/devicemanagement/declarationitemsresponse
    """
    lists: dict[str, list[dict[str, str]]] = {name: [] for name in SECTIONS.values()}
    for entry in sorted(entries, key=lambda entry: entry.identifier):
        lists[SECTIONS[entry.kind]].append(
            {"Identifier": entry.identifier, "ServerToken": entry.server_token}
        )
    return _dumps({"Declarations": lists, "DeclarationsToken": token})


def declaration(type_: str, identifier: str, token: str, payload: Mapping[str, Any]) -> bytes:
    """One declaration; ValueError when a name is longer than Apple takes.

    https://developer.apple.com/documentation/devicemanagement/declarationbase
    """
    if len(identifier) > MAX_IDENTIFIER or len(token) > MAX_TOKEN:
        raise ValueError("Identifier and ServerToken have at most 64 characters")
    return _dumps(
        {
            "Type": type_,
            "Identifier": identifier,
            "ServerToken": token,
            "Payload": dict(payload),
        }
    )


def _dumps(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


# -- what devices report -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What a report says of one declaration."""

    kind: Kind
    identifier: str
    server_token: str
    active: bool
    valid: str
    """unknown | invalid | valid"""
    reasons: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """A status report; `full` replaces whatever was reported before.

    https://developer.apple.com/documentation/devicemanagement/statusreport
    """

    items: Mapping[str, Any]
    errors: tuple[Mapping[str, Any], ...] = ()
    full: bool = False
    cleaned: bool = field(default=False, compare=False)
    """Something in it could not be kept as it was (a NUL, half a character, infinity)."""

    @classmethod
    def parse(cls, data: bytes | None) -> StatusReport:
        """Read a report; unknown items and keys are kept, wrong shapes are a ProtocolError."""
        if len(data or b"") > MAX_REPORT:
            raise ProtocolError(f"a status report has at most {MAX_REPORT} bytes")
        body = _loads(data or b"")
        if not isinstance(body, dict):
            raise ProtocolError("a status report is a JSON object")
        items = body.get("StatusItems", {})
        errors = body.get("Errors", [])
        if not isinstance(items, dict) or not isinstance(errors, list):
            raise ProtocolError("StatusItems is an object and Errors a list")
        kept = _storable({"items": items, "errors": errors})
        return cls(
            items=kept["items"],
            errors=tuple(error for error in kept["errors"] if isinstance(error, dict)),
            full=body.get("FullReport") is True,
            cleaned=kept != {"items": items, "errors": errors},
        )


def item(items: Mapping[str, Any], path: str) -> Any:
    """The value of a status item by its dotted name; None if it was not reported."""
    value: Any = items
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return None
        value = value[part]
    return value


def declarations(items: Mapping[str, Any]) -> tuple[Reported, ...] | None:
    """`management.declarations`, every section; None if this report does not speak of it."""
    section = item(items, "management.declarations")
    if not isinstance(section, Mapping):
        return None
    found = []
    for name, kind in REPORTED.items():
        listed = section.get(name)
        for one in listed if isinstance(listed, list) else ():
            if isinstance(one, Mapping) and isinstance(one.get("identifier"), str):
                found.append(_reported(kind, one))
    return tuple(found)


def _reported(kind: Kind, one: Mapping[str, Any]) -> Reported:
    token, valid, reasons = one.get("server-token"), one.get("valid"), one.get("reasons")
    return Reported(
        kind=kind,
        identifier=one["identifier"],
        server_token=token if isinstance(token, str) else "",
        active=one.get("active") is True,
        valid=valid if valid in ("unknown", "invalid", "valid") else "unknown",
        reasons=tuple(
            reason
            for reason in (reasons if isinstance(reasons, list) else ())
            if isinstance(reason, Mapping)
        ),
    )


#: Items whose value is an object: it replaces the former one, its keys are no items of their own.
_WHOLE = frozenset(
    tuple(path.split("."))
    for path in (
        "content-cache.info",
        "content-cache.status",
        "device.system.health",
        "management.client-capabilities",
        "management.declarations",
        "migration-assistant.report",
        "softwareupdate.failure-reason",
        "softwareupdate.install-reason",
        "softwareupdate.pending-version",
        "test.dictionary-value",
    )
)


def merge(stored: Mapping[str, Any] | None, report: StatusReport) -> dict[str, Any]:
    """All status items after this report; `stored` is what they were before it.

    Of a list of objects with an `identifier`, a report that is not full tells those that changed
    and, with `_removed`, those that are gone; `management.declarations` is always told whole.
    """
    return _merged({} if report.full else (stored or {}), report.items, ())


def _merged(
    old: Mapping[str, Any], new: Mapping[str, Any], path: tuple[str, ...]
) -> dict[str, Any]:
    result = dict(old)
    for key, value in new.items():
        here = (*path, key)
        former = old.get(key)
        if isinstance(value, Mapping) and here not in _WHOLE:
            result[key] = _merged(former if isinstance(former, Mapping) else {}, value, here)
        elif isinstance(value, list):
            result[key] = _merged_list(former if isinstance(former, list) else [], value)
        else:
            result[key] = value
    return result


def _merged_list(old: list[Any], new: list[Any]) -> list[Any]:
    if not all(_identified(one) for one in (*old, *new)):
        return new
    rows = {one["identifier"]: one for one in old}
    for one in new:
        rows.pop(one["identifier"], None)
        if one.get("_removed") is not True:
            rows[one["identifier"]] = one
    return [rows[name] for name in sorted(rows)]


def _identified(one: Any) -> bool:
    return isinstance(one, Mapping) and isinstance(one.get("identifier"), str)


def _loads(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("a status report is JSON") from error


def _storable(value: Any, depth: int = 0) -> Any:
    """The same without what no database keeps as JSON; ProtocolError when it is nested too deep."""
    if depth > 40:
        raise ProtocolError("a status report is not nested that deep")
    match value:
        case str():
            return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
        case float() if not math.isfinite(value):
            return None
        case dict():
            return {
                _storable(key, depth): _storable(part, depth + 1) for key, part in value.items()
            }
        case list():
            return [_storable(part, depth + 1) for part in value]
    return value
