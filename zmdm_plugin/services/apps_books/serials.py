"""Many serial numbers as one parameter: a statement is the same for one and for thousands."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

import sqlalchemy as sa

from zmdm_plugin.db import is_postgresql

CHUNK = 5000
"""Serial numbers in one statement."""
LONGEST = 128


def listed(serials: Iterable[str]) -> sa.ColumnElement[str]:
    """A column of these texts, to be selected from as if they were a table."""
    text = sa.literal(json.dumps(list(serials)), sa.Text())
    rows = (
        sa.func.json_array_elements_text(sa.cast(text, sa.JSON))
        if is_postgresql()
        else sa.func.json_each(text)
    )
    column: sa.ColumnElement[str] = rows.table_valued(sa.column("value", sa.String())).c.value
    return column


def chunks(serials: Iterable[str], size: int = CHUNK) -> Iterator[Sequence[str]]:
    """Each serial number once, in order, so that two who write the same rows take turns."""
    ordered = sorted({one for one in serials if 0 < len(one) <= LONGEST})
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


def numbered(ids: Iterable[int]) -> sa.ColumnElement[int]:
    """The same for ids of rows."""
    return sa.cast(listed([str(one) for one in ids]), sa.BigInteger())
