"""When an identity is to be renewed, tried again, and called overdue. Pure: dates in, dates out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

UNDER_WAY = ("ordered", "put_off", "taken", "failed")
"""States in which a renewal has begun and not ended."""
_FIRST_WAIT, _LONGEST_WAIT = timedelta(minutes=15), timedelta(days=1)
_LONGEST_AT_THE_END = timedelta(hours=4)
_NEAR_THE_END = timedelta(days=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """An identity in use, as far as its renewal goes; all times are aware UTC."""

    not_before: datetime
    not_after: datetime
    state: str | None = None
    attempts: int = 0
    since: datetime | None = None
    next_at: datetime | None = None


def window(held: Holding, before: timedelta) -> timedelta:
    """How long there is for a renewal: what is configured, but at most a third of a life."""
    return min(before, (held.not_after - held.not_before) / 3)


def due_at(held: Holding, before: timedelta) -> datetime:
    """From when on a renewal may be ordered, while none is waiting."""
    natural = held.not_after - window(held, before)
    if held.state not in (*UNDER_WAY, "done"):
        return natural
    if held.next_at is not None:
        return held.next_at
    if held.since is None:
        return natural
    # Its order ended without an answer (cancelled, not to be rendered): not at once again.
    return max(natural, held.since + wait(held, held.since))


def overdue_at(held: Holding, before: timedelta) -> datetime:
    """When half of the time has passed, so that somebody should look."""
    return held.not_after - window(held, before) / 2


def wait(held: Holding, now: datetime) -> timedelta:
    """How long after a failed attempt the next comes: longer each time, shorter near the end."""
    longest = _LONGEST_AT_THE_END if held.not_after - now < _NEAR_THE_END else _LONGEST_WAIT
    fourfold: int = 4 ** min(max(held.attempts - 1, 0), 8)
    return min(_FIRST_WAIT * fourfold, longest)
