"""Paths of the API: ids that always fit the database, and which methods a path really has."""

from __future__ import annotations

from flask import Response, current_app, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter, PathConverter, RequestRedirect

from zmdm_plugin.services.keyset import MAX_ID

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE")
LOST = "zmdm_api_lost.lost"


class RowId(BaseConverter):
    """An id in a path: ASCII digits, no leading zero, at most as many as 2**63-1 has.

    werkzeug's own `int` takes any script's digits and raises a 500 for five thousand of them.
    """

    regex = "[1-9][0-9]{0,18}"

    def to_python(self, value: str) -> int:
        """What is still too large is taken for the last id there could be, which nothing has."""
        return min(int(value), MAX_ID)


class Rest(PathConverter):
    """The rest of a path, whatever it holds: werkzeug's own ends at a line feed."""

    regex = "(?s:[^/].*?)"


def row_id_schema(_converter: RowId) -> dict[str, object]:
    """The same for OpenAPI."""
    return {"type": "integer", "format": "int64", "minimum": 1, "maximum": MAX_ID}


def allowed_methods() -> list[str]:
    """The methods that views other than the catch-all have for this request's path."""
    found = {method for method in METHODS if _has_view(method)}
    if found:
        found.add("OPTIONS")
    if "GET" in found:
        found.add("HEAD")
    return sorted(found)


def answer_options() -> Response | None:
    """A before_request: Flask's own OPTIONS would count the catch-all's methods."""
    if request.method != "OPTIONS":
        return None
    return Response(status=204, headers={"Allow": ", ".join(allowed_methods())})


def _has_view(method: str) -> bool:
    urls = current_app.url_map.bind_to_environ(request.environ)
    try:
        endpoint, _ = urls.match(method=method)
    except (RequestRedirect, HTTPException):
        return False
    return str(endpoint) != LOST
