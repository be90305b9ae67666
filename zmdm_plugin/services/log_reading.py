"""What reading the audit and reading events share: dates, the filter in words, exports in batches.

An export walks by id, each batch a statement of its own on a connection of its own, so that
millions of rows need neither memory nor a transaction that lasts for minutes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from zmdm_plugin.db import engine, session
from zmdm_plugin.services import export_formats

_BATCH = 500
_MOST_VALUES = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """A filter of rows that came at a time; None asks nothing."""

    created_after: datetime | None = None
    created_before: datetime | None = None

    @property
    def dated(self) -> bool:
        """Whether it asks for a time at all."""
        return self.created_after is not None or self.created_before is not None

    def in_time(self, column: InstrumentedAttribute[datetime]) -> list[sa.ColumnElement[bool]]:
        """The conditions on when a row came."""
        found: list[sa.ColumnElement[bool]] = []
        if self.created_after is not None:
            found.append(column >= self.created_after)
        if self.created_before is not None:
            found.append(column < self.created_before)
        return found

    def __str__(self) -> str:
        """The filter in words, for the audit's entry about an export; its dates come last."""
        dates = [one.name for one in fields(Dated)]
        names = [one.name for one in fields(self) if one.name not in dates] + dates
        given = ((name, getattr(self, name)) for name in names)
        return ", ".join(
            f"{name}={export_formats.plain_text(value)}"
            for name, value in given
            if value is not None
        )


def occurring(column: InstrumentedAttribute[str]) -> list[str]:
    """The values that occur: a jump from one to the next along the index, not a walk over all."""
    first = sa.select(sa.func.min(column).label("value")).cte(recursive=True)
    following = sa.select(sa.func.min(column)).where(column > first.c.value).scalar_subquery()
    walk = first.union_all(sa.select(following).where(first.c.value.is_not(None)))
    query = sa.select(walk.c.value).where(walk.c.value.is_not(None)).limit(_MOST_VALUES)
    return list(session().scalars(query))


def meant(
    text: str, ids: InstrumentedAttribute[Any], labels: InstrumentedAttribute[Any]
) -> InstrumentedAttribute[Any]:
    """The column that a text is of, an id's or a label's: asking both would use neither index."""
    return ids if session().scalar(sa.select(sa.exists().where(ids == text))) else labels


def written(
    kind: str,
    columns: Sequence[str],
    query: sa.Select[*tuple[Any, ...]],
    by: InstrumentedAttribute[int],
) -> Iterator[bytes]:
    """All that a query finds as `csv` or `jsonl`, by id, which is one of the columns."""
    last, first = 0, True
    while True:
        batch = query.where(by > last).order_by(by).limit(_BATCH)
        with engine().connect() as connection:
            rows = connection.execute(batch).all()
        yield export_formats.write(kind, columns, rows, first=first)
        if len(rows) < _BATCH:
            return
        last, first = rows[-1][columns.index(by.key)], False
