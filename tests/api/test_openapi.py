"""The description: complete, true, and a page for people that needs no script."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import jsonschema_rs
import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.api.world import Program, add_device
from zmdm_plugin.blueprints.api import RESOURCES
from zmdm_plugin.commands import registry
from zmdm_plugin.services import access

METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture
def spec(client: FlaskClient) -> dict[str, Any]:
    return client.get("/api/mdm/openapi.json").json


def operations(spec: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in spec["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def dictionaries(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, dict | list):
            yield from dictionaries(inner)


def faults(spec: dict[str, Any], schema: dict[str, Any], value: Any) -> list[str]:
    """What JSON Schema has against a value; formats count."""
    whole = {**schema, "components": spec["components"]}
    judge = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
    return [fault.message for fault in judge.iter_errors(value)]


def test_every_route_of_the_api_is_described(app: Flask, spec: dict[str, Any]) -> None:
    ours = {resource.name for resource in RESOURCES}
    routes = {
        (re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.endpoint.partition(".")[0] in ours
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert routes == {(path, method) for path, method, _ in operations(spec)}


def test_every_operation_tells_its_permission_and_its_errors(spec: dict[str, Any]) -> None:
    known = access.permissions()
    for path, method, operation in operations(spec):
        assert operation["summary"], path
        codes = set(operation["responses"])
        assert {"401", "403", "422", "503"} <= codes, (path, method)
        assert codes & {"200", "201", "204"}, (path, method)
        assert ("404" in codes) or "{" not in path, (path, method)
        permission = operation["x-permission"]
        assert permission in known or path.endswith("/Custom/"), permission


def test_operation_ids_are_unique(spec: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(spec)]
    assert len(ids) == len(set(ids))


def test_every_reference_leads_somewhere(spec: dict[str, Any]) -> None:
    for reference in set(references(spec)):
        found = spec
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def test_every_command_has_a_schema_of_its_own(spec: dict[str, Any]) -> None:
    for command in registry:
        path = f"/api/mdm/devices/{{device_id}}/commands/{command.name}/"
        if not command.manual:
            assert path not in spec["paths"]
            continue
        body = spec["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        name = body["schema"]["$ref"].rpartition("/")[2]
        assert name == f"{command.name}Args"
        properties = spec["components"]["schemas"][name].get("properties", {})
        assert set(properties) == set(command.Args().fields)


def test_an_answer_has_exactly_the_described_fields(
    app: Flask, api: Program, spec: dict[str, Any]
) -> None:
    device_id = add_device(app)
    described = spec["components"]["schemas"]["Device"]["properties"]
    assert set(api.get(f"devices/{device_id}/").json) == set(described)


def test_every_schema_has_an_example_that_is_right(spec: dict[str, Any]) -> None:
    for name, schema in spec["components"]["schemas"].items():
        assert schema["examples"], name
        for example in schema["examples"]:
            assert faults(spec, schema, example) == [], name


def test_every_body_and_every_answer_has_an_example_that_is_right(spec: dict[str, Any]) -> None:
    for path, method, operation in operations(spec):
        holders = {"body": operation.get("requestBody", {}), **operation["responses"]}
        for where, holder in holders.items():
            for kind, content in holder.get("content", {}).items():
                assert "example" in content, (path, method, where, kind)
                found = faults(spec, content["schema"], content["example"])
                assert found == [], (path, method, where, kind)


def test_every_argument_of_a_path_has_an_example(spec: dict[str, Any]) -> None:
    for path, item in spec["paths"].items():
        for parameter in item.get("parameters", ()):
            assert faults(spec, parameter["schema"], parameter["example"]) == [], path


def test_an_error_is_shown_with_its_own_status(spec: dict[str, Any]) -> None:
    for _, _, operation in operations(spec):
        for code, answer in operation["responses"].items():
            if code >= "400":
                example = answer["content"]["application/json"]["example"]
                assert (example["code"], example["status"]) == (
                    int(code),
                    HTTPStatus(int(code)).phrase,
                )


def test_the_example_of_each_command_is_taken_by_it(spec: dict[str, Any]) -> None:
    for command in registry:
        if command.manual:
            example = spec["components"]["schemas"][f"{command.name}Args"]["examples"][0]
            command.load(example)


def test_an_example_of_an_order_is_taken_over_the_wire(
    app: Flask, api: Program, spec: dict[str, Any]
) -> None:
    for name in ("lock", "erase"):
        phone = {"platform": "iOS", "model": "iPhone16,1"} if name == "erase" else {}
        device_id = add_device(app, 1 if phone else 2, **phone)
        operation = spec["paths"][f"/api/mdm/devices/{{device_id}}/{name}/"]["post"]
        body = operation["requestBody"]["content"]["application/json"]["example"]
        answer = api.post(f"devices/{device_id}/{name}/", body)
        assert answer.status_code == 201, answer.json
        assert set(answer.json) == set(
            operation["responses"]["201"]["content"]["application/json"]["example"]
        )


def test_patterns_are_those_of_json_schema(spec: dict[str, Any]) -> None:
    found = [schema["pattern"] for schema in dictionaries(spec) if "pattern" in schema]
    assert "^[0-9]{6}$" in found
    assert not [pattern for pattern in found if "\\Z" in pattern or "\\A" in pattern]


def test_the_page_shows_how_to_lock_a_device(client: FlaskClient) -> None:
    page = html.unescape(client.get("/api/mdm/docs/").text)
    assert "https://mdm.example.com/api/mdm/devices/27/lock/" in page
    assert '"pin": "012345"' in page and '"name": "DeviceLock"' in page


def test_tokens_are_the_only_way_in(spec: dict[str, Any]) -> None:
    assert spec["openapi"].startswith("3.1")
    assert spec["security"] == [{"token": []}, {"bearer": []}]
    assert set(spec["components"]["securitySchemes"]) == {"token", "bearer"}


def test_the_page_shows_every_operation(client: FlaskClient, spec: dict[str, Any]) -> None:
    page = client.get("/api/mdm/docs/").text
    for path, _, operation in operations(spec):
        assert f'id="{operation["operationId"]}"' in page
        assert path in page


def test_the_page_needs_no_script_and_no_other_origin(client: FlaskClient) -> None:
    answer = client.get("/api/mdm/docs/")
    assert "<script" not in answer.text and " style=" not in answer.text
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", answer.text)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    (sheet,) = re.findall(r'rel="stylesheet" href="([^"]+)"', answer.text)
    with client.get(sheet) as style:
        assert style.mimetype == "text/css"


def test_links_inside_the_page_lead_somewhere(client: FlaskClient) -> None:
    page = client.get("/api/mdm/docs/").text
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)
    assert len(ids) == len(set(ids))
