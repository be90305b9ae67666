"""Bodies of requests: which of them may be files, and how the documentation says so.

A field that holds a file is base64 in JSON; the same body may come as multipart/form-data, where
it is a file, or its base64 as text.
"""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from zmdm_plugin.commands.arguments import Base64
from zmdm_plugin.services.idempotency import HEADER
from zmdm_plugin.web.errors import ErrorSchema
from zmdm_plugin.web.idempotency import REPLAYED

JSON, MULTIPART = "application/json", "multipart/form-data"
_KEY = {
    "name": HEADER,
    "in": "header",
    "description": "A text of your choice, best a UUID. Sent again with the same key within 24 "
    "hours, a request that was carried out is not carried out again: its answer is repeated, with "
    f"{REPLAYED}: true. The same key for another request is a 422.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
_CONFLICT = "The order contradicts the present state."


def file_fields(schema: Any) -> frozenset[str]:
    """The fields of a schema (class or instance) that hold files."""
    fields = (schema() if isinstance(schema, type) else schema).fields
    return frozenset(name for name, field in fields.items() if isinstance(field, Base64))


def describe_key(doc: dict[str, Any], _info: Any, **about: Any) -> dict[str, Any]:
    """Every POST takes a key; one that was carried out without an answer left is a 409."""
    if about["method"] == "post":
        doc["parameters"] = [*doc.get("parameters", ()), _KEY]
        content = {JSON: {"schema": ErrorSchema}}
        answers = doc.setdefault("responses", {})
        answers.setdefault(409, {"description": _CONFLICT, "content": content})
    return doc


def describe_upload(doc: dict[str, Any], _info: Any, **about: Any) -> dict[str, Any]:
    """A body with a file in it has a second form."""
    content = doc.get("requestBody", {}).get("content", {})
    schema = content.get(JSON, {}).get("schema")
    if schema is None or isinstance(schema, dict) or not (files := file_fields(schema)):
        return doc
    instance: ma.Schema = schema() if isinstance(schema, type) else schema
    described = about["api"].ma_plugin.converter.schema2jsonschema(instance)
    for name in files:
        field = described["properties"][name]
        described["properties"][name] = {**field, "type": "string", "format": "binary"}
    content[MULTIPART] = {"schema": described}
    return doc
