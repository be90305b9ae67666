"""How the played device assignment service misbehaves when it is told to.

A fault document is JSON, and replaces the one before; `{}` makes the service well:

    rules    [{"path": "/devices/sync", "method": "POST", "status": 429, "code": "",
               "retry_after": 3, "latency": 0, "drop": false, "body": null, "after": false,
               "times": 1}, …]
             the first rule that fits a request is used; path and method may be left out.
             `drop` ends the connection without an answer, `body` is a text instead of an answer,
             `after` does what was asked before it goes wrong. `times` of 0 means for ever.
    devices  {"<serial>": ["THROTTLED", "FAILED", …]}: what is said of a device next, in place of
             doing it
    retry_after_seconds   goes with THROTTLED
    terms_signed          false: 403 T_C_NOT_SIGNED for everything
    session_lifetime      seconds that a session lives after its last use
    session_overlap       seconds that a session still works once a newer one was given
    rotate                a new session with every so-manieth answer; 0: never
    newest_version        requests with a newer X-Server-Protocol-Version are refused
    exhausted             a sync with nothing new is 400 EXHAUSTED_CURSOR and no empty page
    beta                  false: 403 APPLE_SEED_FOR_IT_TURNED_OFF for beta enrollment tokens
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


class BadFaults(ValueError):
    """A fault document that says something unknown; the message names it."""


@dataclass(slots=True, kw_only=True)
class Rule:
    """One thing that goes wrong, `times` times."""

    path: str = ""
    method: str = ""
    status: int = 0
    code: str = ""
    retry_after: int | str | None = None
    latency: float = 0.0
    drop: bool = False
    body: str | None = None
    after: bool = False
    times: int = 1

    def fits(self, method: str, path: str) -> bool:
        """Whether this request is meant."""
        return self.path in ("", path) and self.method in ("", method)


@dataclass(slots=True, kw_only=True)
class Faults:
    """The misbehaviour in force."""

    rules: list[Rule] = field(default_factory=list)
    devices: dict[str, list[str]] = field(default_factory=dict)
    retry_after_seconds: int = 60
    terms_signed: bool = True
    session_lifetime: float = 180.0
    session_overlap: float = 60.0
    rotate: int = 1
    newest_version: int = 10
    exhausted: bool = False
    beta: bool = True

    @classmethod
    def read(cls, document: object) -> Faults:
        """From JSON, all of it or, when it is wrong, nothing."""
        values = dict(_known(cls, document))
        rules = values.pop("rules", [])
        found = cls(rules=[Rule(**_known(Rule, rule)) for rule in rules], **values)
        found.devices = {serial: list(script) for serial, script in found.devices.items()}
        return found

    def next_rule(self, method: str, path: str) -> Rule | None:
        """What goes wrong with this request; rules that are used up are gone."""
        for rule in self.rules:
            if rule.fits(method, path):
                if rule.times == 1:
                    self.rules.remove(rule)
                elif rule.times:
                    rule.times -= 1
                return rule
        return None

    def next_for(self, serial: str) -> str | None:
        """What is said of this device in place of doing anything."""
        script = self.devices.get(serial)
        return script.pop(0) if script else None


def _known(kind: type[Rule] | type[Faults], document: object) -> Mapping[str, Any]:
    if not isinstance(document, Mapping):
        raise BadFaults("a fault document is an object, and so is each of its rules")
    if unknown := set(document) - {item.name for item in fields(kind)}:
        raise BadFaults(f"there is no fault {sorted(unknown)[0]!r}")
    return document
