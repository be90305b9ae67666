"""One thing that the doctor looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """From fine to broken; the order counts."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and what to do unless it is good."""

    name: str
    state: State
    says: str
    do: str = ""
    is_alert: bool = False
    """Somebody has to hear of it, and no other kind of alert tells."""


def good(name: str, says: str) -> Finding:
    """Nothing to do."""
    return Finding(name, State.GOOD, says)


def warn(name: str, says: str, do: str) -> Finding:
    """It works, and will not for ever; or only in a lab."""
    return Finding(name, State.WARN, says, do)


def bad(name: str, says: str, do: str, *, is_alert: bool = False) -> Finding:
    """It does not work."""
    return Finding(name, State.BAD, says, do, is_alert)
