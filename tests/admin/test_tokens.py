"""API tokens on screens: made, shown once, revoked; and the table of roles."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from zmdm_plugin import Actor, db, policy
from zmdm_plugin.models import ApiToken, AuditEntry
from zmdm_plugin.services import tokens

_TEXT = re.compile(r"zmdm_[A-Za-z0-9_-]{51}")
OTHER = Actor(id="user:8", label="other@example.com")


def csrf(client: FlaskClient, path: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)
    assert found is not None
    return found[1]


def make(client: FlaskClient, *permissions: str, **fields: str) -> object:
    path = "/mdm/tokens/new/"
    data = {"csrf_token": csrf(client, path), "name": "robot", "days": "30", **fields}
    return client.post(path, data={**data, "permissions": list(permissions)})


def test_a_token_is_shown_once_and_works(screens: Flask, browser: FlaskClient) -> None:
    answer = make(browser, "mdm.view_enrolleddevice")
    (text,) = set(_TEXT.findall(answer.text))
    headers = {"Authorization": f"Bearer {text}"}
    assert screens.test_client().get("/api/mdm/devices/", headers=headers).status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    shown = browser.get("/mdm/tokens/").text
    assert "robot" in shown and text not in shown
    with screens.app_context():
        (row,) = db.session().scalars(sa.select(ApiToken))
        (entry,) = db.session().scalars(sa.select(AuditEntry))
        assert (row.owner_id, row.permissions) == ("user:7", ["mdm.view_enrolleddevice"])
        assert entry.action == "token.create" and text not in str(entry.after)


@pytest.mark.parametrize(
    ("permissions", "fields", "why"),
    [
        ((), {}, "name at least one"),
        (("mdm.nothing",), {}, "no permission of this server"),
        (("mdm.*",), {"name": " "}, "1 to 128 characters"),
    ],
)
def test_a_senseless_token_is_said_so_and_keeps_what_was_typed(
    screens: Flask, browser: FlaskClient, permissions: tuple[str, ...], fields: dict, why: str
) -> None:
    answer = make(browser, *permissions, **fields)
    assert answer.status_code == 422 and why in html.unescape(answer.text)
    with screens.app_context():
        assert db.session().scalar(sa.select(sa.func.count()).select_from(ApiToken)) == 0


def test_nobody_gives_what_they_do_not_have(make_host: Callable[..., Flask]) -> None:
    client = make_host("mdm.add_apitoken", "mdm.view_enrolleddevice").test_client()
    page = client.get("/mdm/tokens/new/").text
    assert "mdm.view_enrolleddevice" in page and "mdm.change_apitoken" not in page
    assert make(client, "mdm.change_apitoken").status_code == 422


def test_revoking_ends_it_at_once(screens: Flask, browser: FlaskClient) -> None:
    (text,) = set(_TEXT.findall(make(browser, "mdm.*").text))
    data = {"csrf_token": csrf(browser, "/mdm/tokens/")}
    assert browser.post("/mdm/tokens/1/revoke/", data=data).status_code == 303
    headers = {"Authorization": f"Token {text}"}
    assert screens.test_client().get("/api/mdm/devices/", headers=headers).status_code == 401
    assert browser.post("/mdm/tokens/1/revoke/", data=data).status_code == 409
    assert "Revoked" in browser.get("/mdm/tokens/").text


def test_one_sees_and_revokes_ones_own_only(make_host: Callable[..., Flask]) -> None:
    app = make_host("mdm.add_apitoken", "mdm.view_enrolleddevice")
    with app.app_context(), db.transaction():
        tokens.create("theirs", OTHER, permissions=["mdm.view_*"], actor=OTHER)
    client = app.test_client()
    make(client, "mdm.view_enrolleddevice")
    page = client.get("/mdm/tokens/").text
    assert "robot" in page and "theirs" not in page
    data = {"csrf_token": csrf(client, "/mdm/tokens/")}
    assert client.post("/mdm/tokens/1/revoke/", data=data).status_code == 403
    assert client.post("/mdm/tokens/2/revoke/", data=data).status_code == 303


def test_an_auditor_sees_everybodys_and_has_no_buttons(make_host: Callable[..., Flask]) -> None:
    app = make_host("mdm.view_*")
    with app.app_context(), db.transaction():
        tokens.create("theirs", OTHER, permissions=["mdm.view_*"], actor=OTHER)
    page = app.test_client().get("/mdm/tokens/").text
    assert "theirs" in page and "Revoke</button>" not in page
    assert app.test_client().get("/mdm/tokens/new/").status_code == 403


def test_roles_are_shown_with_what_they_may(browser: FlaskClient) -> None:
    page = browser.get("/mdm/roles/").text
    assert all(role.title in page and role.about in page for role in policy.ROLES.values())
    assert "mdm.add_devicecommand.EraseDevice" in page
