"""The last touches of the OpenAPI document: examples everywhere, patterns that everybody reads."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from zmdm_plugin.blueprints.api import examples

METHODS = ("get", "post", "put", "patch", "delete")
_ERROR = "#/components/schemas/Error"


def finished(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the document with what apispec does not say."""
    made: dict[str, Any] = copy.deepcopy(dict(spec))
    for schema in _inner(made):
        if isinstance(schema.get("pattern"), str):
            schema["pattern"] = portable(schema["pattern"])
    schemas = made["components"]["schemas"]
    for name, schema in schemas.items():
        schema["examples"] = [examples.of_named(name, schemas)]
    for item in made["paths"].values():
        for parameter in item.get("parameters", ()):
            name = parameter["name"]
            parameter["example"] = examples.of_schema(parameter["schema"], schemas, name)
            parameter.setdefault("description", _meaning(name))
        for method in METHODS:
            if method in item:
                _exemplify(item[method], schemas)
    return made


def _meaning(name: str) -> str:
    """`device_id` in words."""
    thing, _, kind = name.rpartition("_")
    words = thing.replace("_", " ")
    return (
        f"{kind.upper() if kind == 'uuid' else kind.capitalize()} of the {words}." if words else ""
    )


def portable(pattern: str) -> str:
    """A pattern as JSON Schema has it: unanchored, and without the anchors of Python alone."""
    shared = pattern.replace("\\A", "^").replace("\\Z", "$")
    if shared.startswith("^"):
        return shared
    return f"^(?:{shared})" if "|" in shared else f"^{shared}"


def _exemplify(operation: dict[str, Any], schemas: examples.Schemas) -> None:
    """An example for the body of an operation, and for each of its answers."""
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        content["example"] = _example(media_type, content["schema"], schemas)
    for code, answer in operation["responses"].items():
        for media_type, content in answer.get("content", {}).items():
            schema = content.get("schema", {})
            is_error = schema.get("$ref") == _ERROR and str(code).isdecimal()
            content["example"] = (
                examples.of_error(int(code)) if is_error else _example(media_type, schema, schemas)
            )


def _example(media_type: str, schema: Mapping[str, Any], schemas: examples.Schemas) -> Any:
    if "properties" in schema:
        return examples.of_schema(_with_files_alone(schema), schemas)
    if media_type == "application/json":
        return examples.of_schema(schema, schemas)
    return examples.of_text(media_type)


def _with_files_alone(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A form is sent for the sake of its files; what else it may hold, the JSON body shows."""
    needed = schema.get("required", ())
    fields = schema["properties"].items()
    kept = {key: one for key, one in fields if key in needed or one.get("format") == "binary"}
    return {"type": "object", "properties": kept}


def _inner(value: Any) -> Iterator[dict[str, Any]]:
    """Every dictionary in the document."""
    if isinstance(value, dict):
        yield value
        for one in value.values():
            yield from _inner(one)
    elif isinstance(value, list):
        for one in value:
            yield from _inner(one)
