"""Tolerant reading of answers: junk in one key is as if that key were absent."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from zmdm_plugin.protocol import plist

Section = Mapping[str, Any]
#: An Apple key, the column it fills, and how it is read.
Columns = Mapping[str, tuple[str, Callable[[Any], Any]]]


def text(value: Any, limit: int = 255) -> str | None:
    """A string, cut to what a column holds."""
    return value[:limit] or None if isinstance(value, str) else None


def flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def integer(value: Any) -> int | None:
    """An integer that fits a BIGINT."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if abs(value) < 1 << 63 else None


def number(value: Any) -> float | None:
    """A finite number; devices write whole ones as integers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def data(value: Any) -> bytes | None:
    return value if isinstance(value, bytes) and value else None


def when(value: Any) -> datetime | None:
    return value if isinstance(value, datetime) else None


def section(body: Section, key: str) -> Section | None:
    """A dictionary inside an answer; None if there is none."""
    value = body.get(key)
    return value if isinstance(value, dict) else None


def items(body: Section, key: str) -> list[Section] | None:
    """The dictionaries of an array; None if there is no array, other elements are passed over."""
    value = body.get(key)
    if not isinstance(value, list):
        return None
    return [item for item in value if isinstance(item, dict)]


def columns(source: Section, table: Columns) -> dict[str, Any]:
    """The columns that a section fills; what is absent or of the wrong type is left out."""
    found = ((column, read(source.get(key))) for key, (column, read) in table.items())
    return {column: value for column, value in found if value is not None}


def kept(source: Section, *, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """A section for a JSON column, without secrets."""
    return {key: plist.to_json(value) for key, value in source.items() if key not in without}
