"""What a device put off: it is woken again with growing waits, from 15 minutes to a day."""

from __future__ import annotations

from datetime import datetime, timedelta

_FIRST = timedelta(minutes=15)
_LONGEST = timedelta(days=1)


def wake_at(last: datetime, count: int) -> datetime:
    """When to wake a device that said NotNow `count` times, the last time at `last`."""
    doubled: int = 2 ** min(max(count - 1, 0), 10)
    return last + min(_FIRST * doubled, _LONGEST)


def next_wake(last: datetime, count: int, *, now: datetime) -> datetime:
    """The same, but never in the past: a wait that is over is offered now, and the next begins."""
    due = wake_at(last, count)
    return due if due > now else wake_at(now, count + 1)
