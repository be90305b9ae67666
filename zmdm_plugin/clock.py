"""What time it is: the one place that asks, so that years can be rehearsed in a second.

`with shifted(timedelta(days=300)): …` moves the clock for whatever this thread (or task) does, from
a request through the database to a certificate. Pure code takes the time as an argument instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

_SHIFT: ContextVar[timedelta] = ContextVar("zmdm_clock_shift", default=timedelta(0))


def utcnow() -> datetime:
    """Now, aware, in UTC."""
    return datetime.now(UTC) + _SHIFT.get()


@contextmanager
def shifted(by: timedelta) -> Iterator[None]:
    """Live so much later (or earlier) than the machine's clock says; nested shifts add up."""
    token = _SHIFT.set(_SHIFT.get() + by)
    try:
        yield
    finally:
        _SHIFT.reset(token)
