"""One shape of error for everything below our prefix, and nothing else changed at the host."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask_smorest import Api
from flask_sqlalchemy import SQLAlchemy

from tests.api.world import Program, add_device, program
from tests.hosts import ADMINISTRATOR, DEFAULTS
from zmdm_plugin import Zmdm
from zmdm_plugin.services import access


def assert_error(answer: Any, code: int) -> None:
    assert answer.status_code == code, answer.text
    assert set(answer.json) == {"code", "status", "message", "errors"}
    assert answer.json["code"] == code
    assert answer.json["message"]


@pytest.mark.parametrize(
    "path",
    [
        "nothing/",
        "",
        "devices/0/",
        "devices/-1/",
        "devices/x/",
        "devices/01/",
        "devices/\u0663/",
        f"devices/{2**63}/",
        f"devices/{10**30}/",
        "devices/" + "9" * 5000 + "/",
        "devices/1.0/",
        "devices/%00/",
        "devices/%0A/block/",
        "devices/1/commands/%F0%28/",
        "enrollments/99/",
        "commands/x/result/",
    ],
)
def test_what_is_not_there_is_a_404_in_json(api: Program, path: str) -> None:
    assert_error(api.get(path), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "devices/", "GET, HEAD, OPTIONS"),
        ("PUT", "devices/1/", "DELETE, GET, HEAD, OPTIONS"),
        ("GET", "devices/1/block/", "OPTIONS, POST"),
        ("TRACE", "enrollments/", "GET, HEAD, OPTIONS, POST"),
    ],
)
def test_a_wrong_method_is_a_405_that_allows_the_right_ones(
    api: Program, method: str, path: str, allowed: str
) -> None:
    answer = api.client.open(f"/api/mdm/{path}", method=method, headers=api.headers)
    assert_error(answer, 405)
    assert answer.headers["Allow"] == allowed


@pytest.mark.parametrize("path", ["mdm/devices", "mdm/docs", "mdm/enrollments", "mdm/audit"])
def test_a_path_without_its_last_slash_is_served(api: Program, path: str) -> None:
    assert api.client.get(f"/api/{path}", headers=api.headers).status_code == 200


def test_an_order_without_its_last_slash_is_carried_out(app: Flask, api: Program) -> None:
    assert api.post(f"devices/{add_device(app)}/block").json["blocked_at"] is not None


@pytest.mark.parametrize("path", ["mdm", "task_result", "mdm/nothing", "mdm/devices/x"])
def test_what_is_not_there_without_a_slash_is_a_404_in_json(api: Program, path: str) -> None:
    assert_error(api.client.get(f"/api/{path}", headers=api.headers), 404)


def test_a_wrong_method_without_a_slash_is_a_405(api: Program) -> None:
    answer = api.client.post("/api/mdm/devices", headers=api.headers)
    assert_error(answer, 405)
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"


def test_what_is_no_task_is_a_404_in_json(api: Program) -> None:
    for path in ("x/", "", "4ec709ba-542e-4adf-8002-7d782e9eae9e/"):
        assert_error(api.client.get(f"/api/task_result/{path}", headers=api.headers), 404)


def test_options_tells_the_methods(api: Program) -> None:
    answer = api.client.options("/api/mdm/devices/", headers=api.headers)
    assert (answer.status_code, answer.headers["Allow"]) == (204, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"[" * 50_000, 400),
        (b'{"pin": ' + b"9" * 5000 + b"}", 400),
        (b"[]", 422),
        (b"null", 422),
        (b'"text"', 422),
        (b'{"message": NaN}', 422),
        (b'{"message": "\\u0000"}', 422),
        (b'{"message": "\\ud800"}', 422),
        (b'{"\\ud800": 1}', 422),
        (b'{"message": ' + b"[" * 500 + b"]" * 500 + b"}", 422),
    ],
)
def test_no_body_makes_the_server_fail(app: Flask, api: Program, body: bytes, code: int) -> None:
    path = f"/api/mdm/devices/{add_device(app)}/lock/"
    answer = api.client.post(path, headers=api.headers, data=body, content_type="application/json")
    assert_error(answer, code)


def test_a_body_beyond_all_bounds_is_not_read(app: Flask, api: Program) -> None:
    path = f"/api/mdm/devices/{add_device(app)}/lock/"
    huge = {"CONTENT_LENGTH": str(10**12)}
    answer = api.client.post(
        path,
        headers=api.headers,
        content_type="application/json",
        data=b"{}",
        environ_overrides=huge,
    )
    assert_error(answer, 413)


def test_a_view_that_takes_no_arguments_says_so(app: Flask, api: Program) -> None:
    path = f"devices/{add_device(app)}/block/"
    assert_error(api.post(path, force="yes"), 422)
    assert_error(api.post(path, {"force": True}), 422)
    assert api.post(path, {}).status_code == 200


def test_an_outage_of_the_database_is_a_503(app: Flask, api: Program) -> None:
    with app.app_context():
        engine = app.extensions["sqlalchemy"].engine
        with engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE zmdm_device RENAME TO gone")
    answer = api.get("devices/")
    assert_error(answer, 503)
    assert "gone" not in answer.text and "SELECT" not in answer.text


def host_with_pages(uri: str) -> Flask:
    """A host with error pages and a smorest API of its own."""
    app = Flask("zmdm_host_with_pages")
    app.config.update(DEFAULTS, SQLALCHEMY_DATABASE_URI=uri)
    database = SQLAlchemy(app)
    app.register_error_handler(404, lambda error: ("<h1>the host's 404</h1>", 404))
    app.register_error_handler(403, lambda error: ("<h1>the host's 403</h1>", 403))
    app.register_error_handler(Exception, lambda error: ("<h1>the host's 500</h1>", 500))
    Zmdm(database).init_app(
        app,
        authorize=lambda _actor, permission, _subject: permission == access.VIEW_AUDIT,
        current_actor=lambda: ADMINISTRATOR,
    )
    return app


def test_a_hosts_error_pages_stay_the_hosts_and_ours_stay_json(sqlite_url: str) -> None:
    app = host_with_pages(sqlite_url)
    assert app.test_client().get("/elsewhere").text == "<h1>the host's 404</h1>"
    api = program(app)
    assert_error(api.get("devices/99/"), 403)
    assert_error(api.get("nothing/"), 404)
    assert_error(app.test_client().get("/api/mdm/devices/"), 401)


@pytest.mark.parametrize("before", [True, False])
def test_a_host_may_have_an_api_of_its_own(sqlite_url: str, before: bool) -> None:
    app = Flask("zmdm_host_with_api")
    app.config.update(DEFAULTS, SQLALCHEMY_DATABASE_URI=sqlite_url)
    app.config.update(API_TITLE="Host", API_VERSION="7", OPENAPI_VERSION="3.0.3")
    app.config.update(OPENAPI_URL_PREFIX="/host")
    database = SQLAlchemy(app)
    steps = [
        lambda: Api(app),
        lambda: Zmdm(database).init_app(app, authorize=lambda *_: True, current_actor=lambda: None),
    ]
    for step in steps if before else reversed(steps):
        step()
    client = app.test_client()
    assert client.get("/host/openapi.json").json["info"]["title"] == "Host"
    assert client.get("/api/mdm/openapi.json").json["info"]["title"] != "Host"
    assert client.get("/host/openapi.json").json["paths"] == {}
    assert_error(client.get("/api/mdm/devices/"), 401)
