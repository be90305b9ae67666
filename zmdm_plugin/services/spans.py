"""Lengths of time and numbers as people say them."""

from __future__ import annotations

from datetime import datetime, timedelta

_UNITS = (
    (365 * 86400, "year"),
    (30 * 86400, "month"),
    (86400, "day"),
    (3600, "hour"),
    (60, "minute"),
)


def ago(moment: datetime | None, now: datetime) -> str:
    """`5 minutes ago`, `in 3 days`, `just now`; `never` for None."""
    if moment is None:
        return "never"
    seconds = (now - moment).total_seconds()
    if abs(seconds) < 10:
        return "just now"
    length = span(timedelta(seconds=abs(seconds)))
    return f"{length} ago" if seconds > 0 else f"in {length}"


def span(length: timedelta) -> str:
    """A length of time in its largest unit: `40 seconds`, `3 days`."""
    seconds = int(length.total_seconds())
    for size, unit in _UNITS:
        if seconds >= size:
            return counted(seconds // size, unit)
    return counted(seconds, "second")


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """`1 command`, `2 commands`, `12,000 devices`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
