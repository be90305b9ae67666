"""The lines of a manifest, and what makes one channel's list differ from the shared one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from zmdm_plugin.protocol import ddm
from zmdm_plugin.protocol.ddm import Entry, Kind

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Listed:
    """One declaration that is offered.

    `extra` holds what a fetch needs beside the artifact's version: `type` and `payload` of the
    declarations that are made here, the `values` of the variables of one channel.
    """

    kind: Kind
    identifier: str
    token: str
    version: str | None = None
    """The uid of the artifact's version."""
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def entry(self) -> Entry:
        return Entry(self.kind, self.identifier, self.token)

    def to_json(self) -> list[Any]:
        """For a JSON column; `from_json` reads it."""
        return [str(self.kind), self.identifier, self.token, self.version, dict(self.extra)]

    @classmethod
    def from_json(cls, row: list[Any]) -> Listed:
        kind, identifier, token, version, extra = row
        return cls(Kind(kind), identifier, token, version, extra or {})


def literal(kind: Kind, identifier: str, type_: str, payload: Mapping[str, Any]) -> Listed:
    """A declaration made here; its token is that of its content."""
    return Listed(
        kind, identifier, digest([type_, payload]), extra={"type": type_, "payload": dict(payload)}
    )


def difference(shared: Iterable[Listed], own: Iterable[Listed]) -> Json | None:
    """What turns the shared list into a channel's own; None if they are the same."""
    common = {one.identifier: one for one in shared}
    mine = {one.identifier: one for one in own}
    changed = [one.to_json() for name, one in sorted(mine.items()) if common.get(name) != one]
    dropped = sorted(common.keys() - mine.keys())
    return {"set": changed, "drop": dropped} if changed or dropped else None


def effective(rows: Iterable[list[Any]], overlay: Mapping[str, Any] | None) -> dict[str, Listed]:
    """By identifier, what a channel is offered: the shared list with its own differences."""
    found = {one.identifier: one for one in map(Listed.from_json, rows)}
    if overlay:
        for name in overlay.get("drop", ()):
            found.pop(name, None)
        for row in overlay.get("set", ()):
            one = Listed.from_json(row)
            found[one.identifier] = one
    return found


def find(
    rows: Iterable[list[Any]], overlay: Mapping[str, Any] | None, identifier: str
) -> Listed | None:
    """One line of what `effective` gives, without making all the others."""
    for listed in (overlay or {}).get("set", ()):
        if listed[1] == identifier:
            return Listed.from_json(listed)
    if identifier in (overlay or {}).get("drop", ()):
        return None
    found = next((listed for listed in rows if listed[1] == identifier), None)
    return Listed.from_json(found) if found is not None else None


def token_of(listed: Iterable[Listed]) -> str:
    return ddm.declarations_token(one.entry for one in listed)


def digest(value: Any) -> str:
    """SHA-256 of a JSON value, hex: the same for the same content."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


EMPTY = token_of(())
"""The token of a list with nothing in it."""
