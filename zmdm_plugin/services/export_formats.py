"""Rows as CSV or JSON Lines, for every export; a spreadsheet takes no cell for a formula."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

Rows = Sequence[Sequence[Any]]
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write(kind: str, names: Sequence[str], rows: Rows, *, first: bool) -> bytes:
    """Some rows as `csv` or `jsonl`; the `first` of a CSV begin with a line of the names."""
    return _FORMATS[kind](names, rows, first).encode()


def cell(value: Any) -> str:
    """A value as a cell that no spreadsheet takes for a formula."""
    text = plain_text(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def plain_text(value: Any) -> str:
    """A value in one line; None is empty, texts in a list stand beside each other."""
    shown = _plain(value)
    if shown is None:
        return ""
    if isinstance(shown, list) and all(isinstance(one, str) for one in shown):
        return ", ".join(shown)
    return shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)


def _as_csv(names: Sequence[str], rows: Rows, first: bool) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    if first:
        writer.writerow(names)
    writer.writerows([cell(value) for value in row] for row in rows)
    return text.getvalue()


def _as_lines(names: Sequence[str], rows: Rows, _first: bool) -> str:
    lines = ({name: _plain(value) for name, value in zip(names, row, strict=True)} for row in rows)
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


_FORMATS: dict[str, Callable[[Sequence[str], Rows, bool], str]] = {
    "csv": _as_csv,
    "jsonl": _as_lines,
}
KINDS = tuple(_FORMATS)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return value
