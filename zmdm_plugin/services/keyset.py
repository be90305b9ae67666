"""Pages by key instead of by number: no COUNT, no OFFSET, and stable while others write.

A page starts behind the last row of the former one. Rows without a value for the ordering come
last in both directions, as a segment of their own, so that each segment is one range of an index.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from zmdm_plugin.db import session
from zmdm_plugin.errors import Refused
from zmdm_plugin.models.base import UtcDateTime

T = TypeVar("T")
R = TypeVar("R")
MAX_ID = 2**63 - 1
DEFAULT_LIMIT = 100
MAX_LIMIT = 500
_LONGEST_CURSOR = 2000


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows, and the cursor of the next page; None when these are the last."""

    items: list[T]
    next_cursor: str | None

    def map(self, shown: Callable[[T], R]) -> Page[R]:
        """The same page, each of its items as it is shown."""
        return Page([shown(one) for one in self.items], self.next_cursor)


@dataclass(frozen=True, slots=True)
class _Place:
    """The last row of a page: its value in the ordering (None: it has none) and its id."""

    value: Any
    id: int


class Keyset:
    """The orderings that a list offers: name -> an indexed column; `-name` is the reverse."""

    def __init__(
        self,
        id_column: InstrumentedAttribute[int],
        columns: Mapping[str, InstrumentedAttribute[Any]],
    ) -> None:
        self._id = id_column
        self._columns = {"id": id_column, **columns}

    @property
    def orderings(self) -> list[str]:
        """What `ordering` may say."""
        return [sign + name for name in self._columns for sign in ("", "-")]

    def page(
        self,
        statement: sa.Select[*tuple[Any, ...]],
        *,
        ordering: str = "id",
        cursor: str | None = None,
        limit: int = DEFAULT_LIMIT,
    ) -> Page[Any]:
        """Rows of `statement` as it returns them, its first column an entity with these columns.

        At most two SQL statements; Refused names `ordering` or `cursor`.
        """
        name, down = ordering.removeprefix("-"), ordering.startswith("-")
        if name not in self._columns:
            raise Refused("ordering", f"one of {', '.join(self.orderings)}")
        column = self._columns[name]
        place = self._decode(cursor, ordering, column) if cursor else None
        rows: list[Any] = []
        for segment in self._segments(statement, column, place, down):
            if len(rows) <= limit:
                rows += session().execute(segment.limit(limit + 1 - len(rows))).all()
        if len(rows) <= limit:
            return Page(rows, None)
        rows = rows[:limit]
        return Page(rows, self._encode(ordering, column, rows[-1][0]))

    def entities(
        self,
        statement: sa.Select[T],
        *,
        ordering: str = "id",
        cursor: str | None = None,
        limit: int = DEFAULT_LIMIT,
    ) -> Page[T]:
        """The same where an entity is all that a row has."""
        found = self.page(statement, ordering=ordering, cursor=cursor, limit=limit)
        return found.map(itemgetter(0))

    def value(self, cursor: str, ordering: str) -> Any:
        """What the last row before this cursor had in the ordering; Refused names `cursor`."""
        return self._decode(cursor, ordering, self._columns[ordering.removeprefix("-")]).value

    def cursor(self, ordering: str, last: Any) -> str:
        """The cursor of the page behind this entity."""
        return self._encode(ordering, self._columns[ordering.removeprefix("-")], last)

    def _segments(
        self,
        statement: sa.Select[*tuple[Any, ...]],
        column: InstrumentedAttribute[Any],
        place: _Place | None,
        down: bool,
    ) -> list[sa.Select[*tuple[Any, ...]]]:
        by_id = self._id.desc() if down else self._id.asc()
        if column is self._id:
            if place is not None:
                statement = statement.where(_behind(self._id, place.id, down))
            return [statement.order_by(by_id)]
        found = []
        if place is None or place.value is not None:
            valued = statement.where(column.is_not(None))
            if place is not None:
                pair = sa.tuple_(column, self._id)
                last = sa.tuple_(sa.literal(place.value, column.type), sa.literal(place.id))
                valued = valued.where(_behind(pair, last, down))
            found.append(valued.order_by(column.desc() if down else column.asc(), by_id))
        without = statement.where(column.is_(None))
        if place is not None and place.value is None:
            without = without.where(_behind(self._id, place.id, down))
        return [*found, without.order_by(by_id)]

    def _encode(self, ordering: str, column: InstrumentedAttribute[Any], last: Any) -> str:
        value = getattr(last, column.key) if column is not self._id else None
        plain = value.isoformat() if isinstance(value, datetime) else value
        text = json.dumps([ordering, plain, getattr(last, self._id.key)], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode("ascii").rstrip("=")

    def _decode(self, cursor: str, ordering: str, column: InstrumentedAttribute[Any]) -> _Place:
        try:
            if len(cursor) > _LONGEST_CURSOR:
                raise ValueError("too long")
            padded = cursor + "=" * (-len(cursor) % 4)
            text = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
            made_for, value, row_id = json.loads(text)
            if made_for != ordering or type(row_id) is not int or not 0 <= row_id <= MAX_ID:
                raise ValueError("of another list")
            return _Place(_typed(value, column), row_id)
        except (ValueError, TypeError, RecursionError, binascii.Error) as error:
            raise Refused("cursor", "is none that this list gave") from error


def _behind(column: Any, last: Any, down: bool) -> sa.ColumnElement[bool]:
    condition: sa.ColumnElement[bool] = column < last if down else column > last
    return condition


def _typed(value: Any, column: InstrumentedAttribute[Any]) -> Any:
    if value is None:
        return None
    if isinstance(column.type, UtcDateTime):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("naive")
        return moment
    if isinstance(column.type, sa.String) and isinstance(value, str) and "\0" not in value:
        value.encode()
        return value
    if isinstance(column.type, sa.Integer) and type(value) is int and abs(value) <= MAX_ID:
        return value
    raise ValueError("of another type")
