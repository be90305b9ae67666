"""How a page of a list leaves: a JSON array, with the way on in its headers."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from flask import request

from zmdm_plugin.models.base import Row
from zmdm_plugin.services import access, credential_lists
from zmdm_plugin.services.keyset import Page
from zmdm_plugin.state import state
from zmdm_plugin.web.actor import api_actor

HEADERS = {
    "Link": {
        "description": 'RFC 8288: `rel="next"` unless this is the last page, `rel="first"`.',
        "schema": {"type": "string"},
    },
    "X-Pagination": {
        "description": "JSON: limit, count (of this page) and next_cursor (null on the last page).",
        "schema": {"type": "string"},
        "example": '{"limit": 100, "count": 100, "next_cursor": "WyJpZCIsbnVsbCwyN10"}',
    },
}


def answer(page: Page[Any], limit: int) -> tuple[list[Any], dict[str, str]]:
    """Items and headers, for a view to return."""
    links = [_link("first", None)]
    if page.next_cursor:
        links.append(_link("next", page.next_cursor))
    about = {"limit": limit, "count": len(page.items), "next_cursor": page.next_cursor}
    return page.items, {"Link": ", ".join(links), "X-Pagination": json.dumps(about)}


def rows(model: type[Row], permission: str, query: dict[str, Any]) -> Any:
    """The page of a table that a query asks for; what is left of the query are its columns."""
    access.demand(api_actor(), permission)
    limit, cursor = query.pop("limit"), query.pop("cursor", None)
    ordering = query.pop("ordering", "id")
    page = credential_lists.page(model, query, ordering=ordering, cursor=cursor, limit=limit)
    return answer(page, limit)


def _link(relation: str, cursor: str | None) -> str:
    arguments = {name: value for name, value in request.args.items() if name != "cursor"}
    if cursor:
        arguments["cursor"] = cursor
    query = f"?{urlencode(arguments)}" if arguments else ""
    return f'<{state().settings.base_url}{request.path}{query}>; rel="{relation}"'
