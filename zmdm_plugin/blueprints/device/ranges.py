"""Ranges as devices ask for them: odd ones, several, and the whole are answered whole.

https://www.rfc-editor.org/rfc/rfc9110#section-14.2
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from flask import request

_RANGE = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))")


@dataclass(frozen=True, slots=True)
class Part:
    """`length` bytes from `start` on."""

    start: int
    length: int


class BeyondEnd(Exception):
    """The range begins behind the last byte: 416."""


def environ(size: int) -> dict[str, Any]:
    """The request's environment, without a Range that is to be ignored."""
    if _shape(size) is not None:
        return request.environ
    return {name: value for name, value in request.environ.items() if name != "HTTP_RANGE"}


def asked(size: int, etag: str) -> Part | None:
    """The part that is asked for, None for the whole; BeyondEnd if there is no such part."""
    shape = _shape(size)
    if shape is None or request.headers.get("If-Range", f'"{etag}"') != f'"{etag}"':
        return None
    first, last, suffix = shape
    if suffix:
        return Part(size - int(suffix), int(suffix)) if int(suffix) else _beyond()
    if int(first) >= size:
        _beyond()
    end = min(int(last), size - 1) if last else size - 1
    return Part(int(first), end - int(first) + 1)


def _beyond() -> Part:
    raise BeyondEnd


def _shape(size: int) -> tuple[str, str, str] | None:
    shape = _RANGE.fullmatch(request.headers.get("Range", ""))
    if shape is None:
        return None
    first, last, suffix = (part or "" for part in shape.groups())
    usable = int(suffix) < size if suffix else not last or int(first) <= int(last)
    return (first, last, suffix) if usable else None
