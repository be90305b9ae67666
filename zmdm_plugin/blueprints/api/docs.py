"""The API's description: OpenAPI 3.1 as JSON, and a page for people made from it on the server.

The page needs no script and nothing from another origin, so that it works under the strictest
Content-Security-Policy.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, current_app, jsonify, render_template
from flask import send_from_directory as send

from zmdm_plugin.blueprints.api.description import METHODS, finished
from zmdm_plugin.blueprints.api.resource import PREFIX, MdmApi
from zmdm_plugin.commands.arguments import Base64
from zmdm_plugin.state import state
from zmdm_plugin.web.errors import handle_with_json

_PACKAGE = Path(__file__).parent.parent.parent
_POLICY = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_ABOUT = """Devices, commands and enrollments of this server.

Send an API token with each request: `Authorization: Token zmdm_…` (or `Bearer`). Lists are JSON
arrays; a page's `Link` and `X-Pagination` headers tell the way to the next. Times are RFC 3339 in
UTC. Every error has the same shape: code, status, message, errors."""

blueprint = Blueprint(
    "zmdm_api_docs", __name__, url_prefix=PREFIX, template_folder=str(_PACKAGE / "templates")
)
handle_with_json(blueprint)


def make_api(app: Flask) -> MdmApi:
    """flask-smorest for this application; a prefix of our own keeps it apart from the host's."""
    api = MdmApi(
        app,
        config_prefix="ZMDM",
        spec_kwargs={
            "title": "Apple device management",
            "version": "1",
            "openapi_version": "3.1.0",
            "info": {"description": _ABOUT},
            "security": [{"token": []}, {"bearer": []}],
        },
    )
    api.register_field(Base64, "string", "byte")
    schemes = api.spec.components.security_scheme
    schemes(
        "token",
        {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token zmdm_…`",
        },
    )
    schemes("bearer", {"type": "http", "scheme": "bearer"})
    return api


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """The description for programs."""
    return jsonify(_spec())


@blueprint.get("/docs/", strict_slashes=False)
def page() -> Response:
    """The description for people."""
    spec = _spec()
    groups = [
        Group(tag["name"], tag.get("description", ""), tuple(_operations(spec, tag["name"])))
        for tag in spec["tags"]
    ]
    schemas = {
        name: (tuple(_fields(schema)), json.dumps(schema["examples"][0], indent=2))
        for name, schema in spec["components"]["schemas"].items()
    }
    text = render_template("zmdm/api/reference.html", spec=spec, groups=groups, schemas=schemas)
    return Response(
        text,
        headers={"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff"},
    )


@blueprint.get("/docs/reference.css")
def stylesheet() -> Response:
    """From our own package, whatever the host does with its static files."""
    return send(_PACKAGE / "static" / "zmdm" / "api", "reference.css", max_age=3600)


@dataclass(frozen=True, slots=True)
class Field:
    """An argument, or a field of a schema, as one line of the page."""

    name: str
    type: str
    required: bool
    description: str
    example: Any = None
    place: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    permission: str
    arguments: tuple[Field, ...]
    body: str
    responses: tuple[tuple[str, str, str], ...]
    order: str
    """The request as a line for a shell."""
    answer: str
    """What it answers to that."""


@dataclass(frozen=True, slots=True)
class Group:
    """The operations of a resource."""

    name: str
    description: str
    operations: tuple[Operation, ...]

    @property
    def anchor(self) -> str:
        return "group-" + self.name.replace(" ", "-").lower()


def _spec() -> dict[str, Any]:
    api: MdmApi = current_app.extensions["flask-smorest"]["apis"]["ZMDM_"]["ext_obj"]
    return api.described(finished)


def _operations(spec: Mapping[str, Any], tag: str) -> Iterator[Operation]:
    for path, item in spec["paths"].items():
        for method in METHODS:
            operation = item.get(method)
            if operation and tag in operation["tags"]:
                yield _operation(path, method, item, operation)


def _operation(
    path: str, method: str, item: Mapping[str, Any], operation: Mapping[str, Any]
) -> Operation:
    parameters = [*item.get("parameters", ()), *operation.get("parameters", ())]
    return Operation(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        description=operation.get("description", ""),
        permission=operation.get("x-permission", ""),
        arguments=tuple(_argument(parameter) for parameter in parameters),
        body=_reference(operation.get("requestBody", {})),
        responses=tuple(
            (code, answer.get("description", ""), _reference(answer))
            for code, answer in sorted(operation["responses"].items())
        ),
        order=_order(path, method.upper(), parameters, operation),
        answer=_answer(operation),
    )


def _order(
    path: str, method: str, parameters: Sequence[Mapping[str, Any]], operation: Mapping[str, Any]
) -> str:
    for parameter in parameters:
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", str(parameter["example"]))
    parts = ["curl" if method == "GET" else f"curl -X{method}"]
    parts.append('-H "Authorization: Token $TOKEN"')
    if content := operation.get("requestBody", {}).get("content", {}).get("application/json"):
        body = json.dumps(content["example"], ensure_ascii=False)
        parts += ['-H "Content-Type: application/json"', f"-d {shlex.quote(body)}"]
    return " \\\n  ".join([*parts, state().settings.base_url + path])


def _answer(operation: Mapping[str, Any]) -> str:
    """The example of the first good answer, as it reads best."""
    good = min(code for code in operation["responses"] if code.startswith("2"))
    content = operation["responses"][good].get("content", {})
    if "application/json" in content:
        return json.dumps(content["application/json"]["example"], indent=2, ensure_ascii=False)
    return next((str(one["example"]) for one in content.values()), "")


def _argument(parameter: Mapping[str, Any]) -> Field:
    schema = parameter.get("schema", {})
    return Field(
        name=parameter["name"],
        type=_type(schema),
        required=parameter.get("required", False),
        description=parameter.get("description", ""),
        example=schema.get("default"),
        place=parameter["in"],
    )


def _fields(schema: Mapping[str, Any]) -> Iterator[Field]:
    for name, field in schema.get("properties", {}).items():
        yield Field(
            name=name,
            type=_type(field),
            required=name in schema.get("required", ()),
            description=field.get("description", ""),
            example=field.get("example"),
            reference=_named(field.get("items", field)),
        )


def _type(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type", "")
    shown = " or ".join(kind) if isinstance(kind, list) else kind
    if choices := [str(choice) for choice in schema.get("enum", ()) if choice is not None]:
        return " | ".join(choices)
    return f"{shown} ({schema['format']})" if "format" in schema else shown


def _reference(holder: Mapping[str, Any]) -> str:
    """The name of the schema in a body or an answer; empty if it has none of ours."""
    for content in holder.get("content", {}).values():
        schema = content.get("schema", {})
        return _named(schema.get("items", schema))
    return ""


def _named(schema: Mapping[str, Any]) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]
