"""Pages by key: never COUNT(*), never OFFSET, so that the last page costs what the first does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import flask
import sqlalchemy as sa
from flask import request

from zmdm_plugin.admin.screen import session, text

PER_PAGE = 50
_CURSOR = "cursor"


@dataclass(slots=True)
class Page:
    """What one page shows, and where the others are."""

    items: Sequence[Any]
    next_url: str | None = None
    first_url: str | None = None
    more: dict[int, Any] = field(default_factory=dict)
    """What belongs to the items, by their id; loaded for all of them at once."""


def newest_first(query: sa.Select[Any], key: Any) -> Page:
    """A page in descending order of an id."""
    before = text(_CURSOR, most=20)
    if before.isascii() and before.isdecimal() and 0 < int(before) < 2**63:
        query = query.where(key < int(before))
    found = session().scalars(query.order_by(key.desc()).limit(PER_PAGE + 1)).unique().all()
    shown = found[:PER_PAGE]
    return page(shown, cursor=str(getattr(shown[-1], key.key)) if len(found) > PER_PAGE else None)


def page(items: Sequence[Any], *, cursor: str | None) -> Page:
    """Items with the link to what follows them."""
    return Page(
        items,
        next_url=here(**{_CURSOR: cursor}) if cursor else None,
        first_url=here(**{_CURSOR: None}) if request.args.get(_CURSOR) else None,
    )


def here(**changes: str | None) -> str:
    """This page's address with other arguments; None takes one out."""
    given = {name: value for name, value in request.args.items() if value}
    given.update({name: value for name, value in changes.items() if value is not None})
    kept = {name: value for name, value in given.items() if changes.get(name, "") is not None}
    values: dict[str, Any] = {**(request.view_args or {}), **kept}
    return flask.url_for(request.endpoint or "", **values)


def cursor() -> str | None:
    """The place in a list that the address names."""
    return text(_CURSOR, most=500) or None
