"""Apple's declaration types as a choice: what each is for, and who understands it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zmdm_plugin.protocol.declarations import DeclarationType, Key, Schema, Support
from zmdm_plugin.protocol.platform import Platform
from zmdm_plugin.services import schema_folder

_EMPTY: dict[str, Any] = {
    "array": [],
    "boolean": False,
    "dictionary": {},
    "integer": 0,
    "real": 0,
}
_DEEPEST = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A type with the OS versions from which on it is understood."""

    name: str
    support: list[str]
    """Such as `macOS 14` or `iOS 17, supervised`."""
    channels: str
    needs: list[str]
    """Keys that are required."""


def of_kind(kind: str) -> list[Offer]:
    """The types of a kind that some device understands, by name."""
    schema = schema_folder.current()
    found = [_offer(schema[name]) for name in sorted(schema) if schema[name].kind == kind]
    return [offer for offer in found if offer.support]


def platforms(name: str) -> list[str]:
    """The platforms that understand a type; empty for what is none."""
    known = schema_folder.current().get(name)
    return [] if known is None else [str(one) for one in _understanding(known)]


def skeleton(name: str) -> str:
    """A payload with the required keys, for somebody to fill in."""
    schema = schema_folder.current()
    known = schema.get(name)
    payload = {} if known is None else _required(schema, known, 0)
    return json.dumps(payload, indent=2, ensure_ascii=False)


def _offer(known: DeclarationType) -> Offer:
    understanding = _understanding(known)
    channels = {channel for one in understanding.values() for channel in one.channels or ()}
    return Offer(
        name=known.name,
        support=[_said(platform, one) for platform, one in understanding.items()],
        channels=" and ".join(f"{channel}s" for channel in sorted(channels)),
        needs=[key.name for key in known.keys if key.required],
    )


def _understanding(known: DeclarationType) -> Mapping[Platform, Support]:
    found = {
        platform: one
        for platform, one in sorted(known.support.items())
        if not one.never and one.introduced
    }
    if Platform.IOS in found:
        found.setdefault(Platform.IPADOS, found[Platform.IOS])  # Apple tells them as one
    return found


def _said(platform: Platform, one: Support) -> str:
    supervised = one.enrollments == frozenset({"supervised"})
    return f"{platform} {one.introduced}{', supervised' if supervised else ''}"


def _required(schema: Schema, inside: Key | DeclarationType, depth: int) -> dict[str, Any]:
    return {
        key.name: _empty(schema, key, depth)
        for key in schema.inside(inside)
        if key.required and key.name
    }


def _empty(schema: Schema, key: Key, depth: int) -> Any:
    if key.values:
        return key.values[0]
    if key.kind == "dictionary" and depth < _DEEPEST:
        return _required(schema, key, depth + 1)
    return _EMPTY.get(key.kind, "")
