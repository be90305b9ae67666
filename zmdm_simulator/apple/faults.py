"""How the played push service misbehaves when it is told to.

A fault document is JSON; keys left out keep their value, `{"reset": true}` begins anew:

    latency                seconds before each answer
    max_concurrent_streams what SETTINGS announce to connections made from now on
    initial_window         bytes a stream may send before it waits (SETTINGS)
    goaway_after           GOAWAY once a connection has carried so many streams; the rest unanswered
    close_after            drop the connection, without a word, at its so-manieth stream
    refuse_streams         RST_STREAM(REFUSED_STREAM) for the next so many streams
    reset_after_answer     RST_STREAM(NO_ERROR) behind each answer, as nginx does
    stall                  requests are taken and never answered
    deaf                   nothing is read any more, not even a PING
    slow_reads             seconds to rest after each read
    refuse_tls             the handshake ends with the alert "internal error", as it does at Apple
                           for an expired push certificate
    every                  answers for all tokens, a list as below
    tokens                 {"<hex token>": [answer, …]}

An answer is {"reason": …, "status": by reason, "timestamp": milliseconds, "times": 1}; "times" of 0
means for ever. One list is used up from its head; then the service is well again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from zmdm_simulator.apple.rules import STATUS, Refused


class BadFaults(ValueError):
    """A fault document that says something unknown; the message names it."""


@dataclass(slots=True)
class Scripted:
    """One answer of a script and how often it is still to be given (below zero: for ever)."""

    answer: Refused
    left: int

    @classmethod
    def read(cls, value: object) -> Scripted:
        """Read an answer of a fault document; a bare string is a reason, given once."""
        if isinstance(value, str):
            value = {"reason": value}
        if not isinstance(value, Mapping):
            raise BadFaults("an answer is a reason or an object")
        if unknown := set(value) - {"reason", "status", "timestamp", "times"}:
            raise BadFaults(f"an answer has no {sorted(unknown)[0]!r}")
        reason = str(value.get("reason", ""))
        status = value.get("status", STATUS.get(reason))
        if not isinstance(status, int) or not 400 <= status <= 599:
            raise BadFaults(f"reason {reason!r} needs a status")
        times = int(value.get("times", 1))
        return cls(Refused(status, reason, value.get("timestamp")), times or -1)


Scripts = dict[str, list[Scripted]]


@dataclass(slots=True)
class Faults:
    """The misbehaviour in force; read by every connection at every step."""

    latency: float = 0.0
    max_concurrent_streams: int = 1000
    initial_window: int = 65535
    goaway_after: int = 0
    close_after: int = 0
    refuse_streams: int = 0
    reset_after_answer: bool = False
    stall: bool = False
    deaf: bool = False
    slow_reads: float = 0.0
    refuse_tls: bool = False
    every: list[Scripted] = field(default_factory=list)
    tokens: Scripts = field(default_factory=dict)

    def apply(self, document: object) -> None:
        """Change what the document names, all of it or, when it is wrong, nothing."""
        if not isinstance(document, Mapping):
            raise BadFaults("a fault document is an object")
        changes = dict(document)
        if changes.pop("reset", False):
            changes = {name: getattr(Faults(), name) for name in _NAMES} | changes
        ready = {name: _checked(name, value) for name, value in changes.items()}
        for name, value in ready.items():
            setattr(self, name, value)

    def answer_for(self, token: str) -> Refused | None:
        """Take the next scripted answer for a token: its own script first."""
        if self.tokens and (script := self.tokens.get(token)):
            return _next(script)
        return _next(self.every) if self.every else None


_NAMES = tuple(item.name for item in fields(Faults))


def _checked(name: str, value: Any) -> Any:
    if name not in _NAMES:
        raise BadFaults(f"there is no fault {name!r}")
    if name == "every":
        return _script(value)
    if name == "tokens":
        if not isinstance(value, Mapping):
            raise BadFaults("tokens is an object of lists")
        return {str(token).lower(): _script(script) for token, script in value.items()}
    kind = type(getattr(Faults(), name))
    if kind is bool:
        return bool(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise BadFaults(f"{name} is a number, 0 or more")
    return kind(value)


def _script(value: object) -> list[Scripted]:
    if not isinstance(value, list):
        raise BadFaults("a script is a list of answers")
    return [item if isinstance(item, Scripted) else Scripted.read(item) for item in value]


def _next(script: list[Scripted]) -> Refused:
    head = script[0]
    head.left -= 1
    if head.left == 0:
        script.pop(0)
    return head.answer
