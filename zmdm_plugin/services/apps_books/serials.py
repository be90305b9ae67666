"""Many serial numbers as one parameter: a statement is the same for one and for thousands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

import sqlalchemy as sa

from zmdm_plugin.db import is_postgresql, texts

CHUNK = 5000
"""Serial numbers in one statement."""
LONGEST = 128


def among(column: sa.ColumnElement[str] | Any, serials: Iterable[str]) -> sa.ColumnElement[bool]:
    """Whether a column is one of these: by its index, whatever statistics say of the other columns.

    A join with `texts` would compare every row with every text where few rows are expected.
    """
    if not is_postgresql():
        return cast(sa.ColumnElement[bool], column.in_(sa.select(texts(serials))))
    numbers = sa.select(texts(serials)).scalar_subquery()
    return cast(sa.ColumnElement[bool], column == sa.any_(sa.func.array(numbers)))


def chunks(serials: Iterable[str], size: int = CHUNK) -> Iterator[Sequence[str]]:
    """Each serial number once, in order, so that two who write the same rows take turns."""
    ordered = sorted({one for one in serials if 0 < len(one) <= LONGEST})
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


def numbered(ids: Iterable[int]) -> sa.ColumnElement[int]:
    """A column of these ids of rows, to be selected from."""
    return sa.cast(texts([str(one) for one in ids]), sa.BigInteger())
