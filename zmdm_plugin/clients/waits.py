"""How long another server asks us to wait, and how much of its answer we take."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

_LONGEST_WAIT: Final = timedelta(days=1)


def bounded(answer: httpx.Response, most: int) -> bytes | None:
    """The body of a streamed answer; None if it has more bytes than that."""
    body = bytearray()
    for part in answer.iter_bytes():
        body += part
        if len(body) > most:
            return None
    return bytes(body)


def retry_after(value: str | None, now: datetime) -> int | None:
    """Seconds, given as such or as a date; never more than a day."""
    if not value:
        return None
    most = int(_LONGEST_WAIT.total_seconds())
    if value.isascii() and value.isdecimal():
        return min(int(value[:9]), most)
    moment = http_date(value)
    return None if moment is None else min(max(math.ceil((moment - now).total_seconds()), 0), most)


def http_date(value: str | None) -> datetime | None:
    """A date of an HTTP header; None if it is none."""
    try:
        moment = parsedate_to_datetime(value) if value else None
    except (ValueError, TypeError):
        return None
    if moment is None:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
