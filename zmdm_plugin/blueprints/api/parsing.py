"""Arguments from requests: whatever is unknown, repeated or cannot be stored is said, not dropped.

webargs by itself passes unknown query arguments over, takes the first of repeated ones, and reads
a JSON body with another content type as "no body": an erase without its PIN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import marshmallow as ma
from flask import Request, current_app, request
from webargs.flaskparser import FlaskParser, abort
from werkzeug.datastructures import FileStorage

from zmdm_plugin.blueprints.api.bodies import MULTIPART, file_fields
from zmdm_plugin.state import state
from zmdm_plugin.web import spool

MAX_BODY = 24 * 1024 * 1024
"""A profile of 16 MB, as base64 in JSON."""
_DEEPEST = 100
V = TypeVar("V", bound=Callable[..., Any])


class Parser(FlaskParser):
    """The parser of all our views."""

    DEFAULT_UNKNOWN_BY_LOCATION = dict.fromkeys(
        ("json", "query", "form", "files", "json_or_form", "querystring"), ma.RAISE
    )

    def load_querystring(self, req: Request, schema: ma.Schema) -> Any:
        """Query arguments, each once."""
        refuse_repeated(req)
        _refuse_unstorable(req.args.to_dict(), "query")
        return super().load_querystring(req, schema)

    def load_json(self, req: Request, schema: ma.Schema) -> Any:
        """The body; none at all counts as an empty object. Files may come as multipart."""
        if not req.get_data(cache=True):
            return {}
        if req.mimetype == MULTIPART and file_fields(schema):
            body = _form(req, file_fields(schema))
            _refuse_unstorable(body, "json")
            return body
        if not req.is_json:
            abort(415, message="the body must be JSON, with Content-Type: application/json")
        try:
            body = super().load_json(req, schema)
        except (RecursionError, ValueError):  # too deep, or a number of five thousand digits
            abort(400, message="the JSON is beyond all bounds")
        _refuse_unstorable(body, "json")
        return body


def refuse_repeated(req: Request) -> None:
    """422 for `?limit=1&limit=2`: nobody can know which one was meant."""
    repeated = [name for name, values in req.args.lists() if len(values) > 1]
    if repeated:
        faults = {_printable(name): ["Given more than once."] for name in repeated}
        abort(422, messages={"query": faults})


def _form(req: Request, files: frozenset[str]) -> dict[str, Any]:
    """A multipart body as the JSON that it stands for; files stay bytes where they are expected."""
    given: list[tuple[str, str | FileStorage]] = [*req.form.items(multi=True)]
    given += req.files.items(multi=True)
    names = [name for name, _ in given]
    if repeated := {name for name in names if names.count(name) > 1}:
        faults = {_printable(name): ["Given more than once."] for name in sorted(repeated)}
        abort(422, messages={"json": faults})
    body: dict[str, Any] = {}
    for name, value in given:
        if isinstance(value, str):
            body[name] = value
            continue
        content = value.read()
        try:
            body[name] = content if name in files else content.decode()
        except UnicodeDecodeError:
            abort(422, messages={"json": {_printable(name): ["Not UTF-8."]}})
    return body


def streams(view: V) -> V:
    """Mark a view that reads its body piece by piece, and as long as a package may be."""
    view.streams = True  # type: ignore[attr-defined]
    return view


def refuse_stray_arguments() -> None:
    """A before_request: 422 for query arguments and bodies where the view takes none."""
    request.max_content_length = MAX_BODY
    view = current_app.view_functions[request.endpoint or ""]
    if getattr(view, "streams", False):
        request.max_content_length = state().settings.package_max_size + MAX_BODY
        spool.here()
        return
    places = _places(view)
    if "query" not in places and request.args:
        faults = {_printable(name): ["Unknown field."] for name in request.args}
        abort(422, messages={"query": faults})
    if "json" not in places and request.get_data(cache=True) not in (b"", b"{}"):
        abort(422, messages={"json": {"_schema": ["This takes no body."]}})


def _places(view: Any) -> set[str]:
    documented: Mapping[str, Any] = getattr(view, "_apidoc", {}).get("arguments", {})
    return {parameter["in"] for parameter in documented.get("parameters", ())}


def _refuse_unstorable(value: Any, place: str) -> None:
    """422 for NUL and lone surrogates, which no database takes, and for deep nesting."""
    for depth, name, text in _texts(value, 0, "_schema"):
        if depth > _DEEPEST:
            abort(422, messages={place: {name: ["Nested too deeply."]}})
        if "\0" in text or not _encodable(text):
            abort(422, messages={place: {name: ["Characters that cannot be stored."]}})


def _texts(value: Any, depth: int, name: str) -> Iterator[tuple[int, str, str]]:
    if isinstance(value, str):
        yield depth, name, value
    elif depth > _DEEPEST:
        yield depth, name, ""
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            field = _printable(str(key)) if depth == 0 else name
            yield depth, field, str(key)
            yield from _texts(inner, depth + 1, field)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, depth + 1, name)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _printable(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()[:100]
