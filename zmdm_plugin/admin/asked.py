"""What the address of a list asks for: numbers and days, read from what people type."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

FAULT = "A date must look like 2026-11-30, a number like 17."


def number(given: str) -> int | None:
    """A positive number that a row's id may be; ValueError."""
    if not given:
        return None
    if not (given.isascii() and given.isdecimal()) or not 0 < int(given) < 2**63:
        raise ValueError("no number")
    return int(given)


def day(given: str, plus: timedelta) -> datetime | None:
    """A day's beginning; of the last day that is wanted, its end. ValueError."""
    if not given:
        return None
    try:
        return datetime.strptime(given, "%Y-%m-%d").replace(tzinfo=UTC) + plus
    except OverflowError as error:
        raise ValueError("no day") from error


def is_day(given: str) -> bool:
    """Whether a date field of a browser takes it."""
    try:
        found = day(given, timedelta(0))
    except ValueError:
        return False
    return found is not None and found.date().isoformat() == given
