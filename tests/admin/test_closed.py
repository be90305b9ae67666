"""Nobody sees or changes anything without a person, a permission and a token."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from flask_admin import Admin
from flask_login import LoginManager
from flask_wtf import CSRFProtect

from tests import fleet
from zmdm_plugin import db
from zmdm_plugin.admin.screen import Screen
from zmdm_plugin.models import AuditEntry, Channel, ChannelCommand, Device

VALUES: dict[str, object] = {"command_name": "DeviceLock", "uuid": "x", "kind": "csv"}
_INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style|\bon[a-z]+\s*=|\bstyle\s*=|javascript:", re.I)
_FOREIGN = re.compile(r"""(?:src|href|action)=["'](?:https?:)?//""")


def routes(app: Flask, method: str) -> Iterator[str]:
    """The address of every screen that answers to this method."""
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        ours = rule.rule.startswith("/mdm/") and not rule.endpoint.endswith(".static")
        if ours and method in (rule.methods or ()):
            values = {name: VALUES.get(name, 1) for name in rule.arguments}
            yield adapter.build(rule.endpoint, values, method=method)


def test_every_page_is_closed_to_strangers(make_host: Callable[..., Flask]) -> None:
    app = make_host("mdm.*", actor=None)
    answers = {path: app.test_client().get(path).status_code for path in routes(app, "GET")}
    assert len(answers) > 15
    assert set(answers.values()) == {403}


def test_every_page_is_closed_to_those_without_a_permission(
    make_host: Callable[..., Flask],
) -> None:
    app = make_host("mdm.unrelated")
    answers = {path: app.test_client().get(path).status_code for path in routes(app, "GET")}
    assert set(answers.values()) == {403}


def test_every_form_is_refused_without_its_token(screens: Flask, browser: FlaskClient) -> None:
    answers = {path: browser.post(path).status_code for path in routes(screens, "POST")}
    assert len(answers) > 5
    assert set(answers.values()) == {400}


def test_a_form_without_its_token_changes_nothing(screens: Flask, browser: FlaskClient) -> None:
    browser.post("/mdm/devices/2/do/", data={"do": "block"})
    with screens.app_context():
        assert db.session().get_one(Device, 2).blocked_at is None


def test_who_may_only_look_cannot_act(make_host: Callable[..., Flask], post: Callable) -> None:
    app = make_host("mdm.view_*", "mdm.add_devicecommand.DeviceInformation")
    fleet.fill(app, 3)
    client = app.test_client()
    assert post(client, "/mdm/devices/1/do/", do="block").status_code == 403
    assert post(client, "/mdm/devices/1/send/RestartDevice/").status_code == 403
    assert post(client, "/mdm/devices/1/send/DeviceInformation/").status_code == 303


def test_a_denial_is_in_the_audit(make_host: Callable[..., Flask]) -> None:
    app = make_host("mdm.view_*")
    fleet.fill(app, 1)
    app.test_client().get("/mdm/devices/1/send/DeviceLock/")
    with app.app_context():
        entry = db.session().scalars(sa.select(AuditEntry)).one()
        assert (entry.action, entry.actor_label) == ("denied", "somebody@example.com")
        assert "DeviceLock" in (entry.reason or "")


def test_a_stranger_is_sent_to_the_login_page_of_the_host(
    make_host: Callable[..., Flask],
) -> None:
    app = make_host("mdm.*", actor=None)
    app.add_url_rule("/login", "login", lambda: "sign in")
    LoginManager(app).login_view = "login"
    answer = app.test_client().get("/mdm/devices/")
    assert answer.status_code == 302
    assert answer.location == "/login?next=%2Fmdm%2Fdevices%2F"


def test_buttons_that_would_be_refused_are_not_shown(make_host: Callable[..., Flask]) -> None:
    app = make_host("mdm.view_*")
    fleet.fill(app, 1)
    page = app.test_client().get("/mdm/devices/1/").text
    assert "Block" not in page
    assert "Send a command" not in page


def test_who_may_not_see_commands_sees_none_on_a_device(make_host: Callable[..., Flask]) -> None:
    app = make_host("mdm.view_enrolleddevice")
    fleet.fill(app, 1)
    fleet.live(app)
    client = app.test_client()
    assert "List certificates" not in client.get("/mdm/devices/1/").text
    assert client.get("/mdm/devices/1/commands/").status_code == 403
    assert client.get("/mdm/devices/1/live/").status_code == 403


def test_a_row_scope_hides_devices_everywhere(make_host: Callable[..., Flask]) -> None:
    app = make_host("mdm.*", row_scope=lambda _actor, _permission: Device.platform == "tvOS")
    fleet.fill(app, 40)
    fleet.live(app)
    client = app.test_client()
    assert "MacBook" not in client.get("/mdm/devices/").text
    assert "MacBook" not in client.get("/mdm/commands/").text
    assert "MacBook" not in client.get("/mdm/events/").text
    assert client.get("/mdm/devices/1/").status_code == 404
    assert client.get("/mdm/devices/5/").status_code == 200


def test_pages_hold_no_script_style_or_handler_and_name_no_other_site(
    screens: Flask, browser: FlaskClient
) -> None:
    for path in routes(screens, "GET"):
        page = browser.get(path).text
        assert _INLINE.search(page) is None, path
        assert _FOREIGN.search(page) is None, path


def test_pages_forbid_what_they_do_not_need(browser: FlaskClient) -> None:
    headers = browser.get("/mdm/devices/").headers
    assert (
        "default-src 'none'; script-src 'self'; style-src 'self'"
        in headers["Content-Security-Policy"]
    )
    assert headers["Cache-Control"] == "no-store"


def test_a_screen_without_a_permission_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="names no permission"):
        type("Open", (Screen,), {"_default_view": "index"})("Open", endpoint="open", url="open")


def test_the_menu_of_the_host_leads_to_the_screens(make_host: Callable[..., Flask]) -> None:
    theirs = Admin(name="Library")
    make_host("mdm.*", admin=theirs)
    assert [link.get_url() for link in theirs.menu_links()] == ["/mdm/"]


def test_a_host_with_csrf_protection_and_its_time_limit_does_not_refuse_our_forms(
    make_host: Callable[..., Flask], post: Callable
) -> None:
    app = make_host("mdm.*", config={"WTF_CSRF_TIME_LIMIT": -1})
    CSRFProtect(app)
    fleet.fill(app, 1)
    assert post(app.test_client(), "/mdm/devices/1/do/", do="poke").status_code == 303


def test_an_order_of_a_stranger_is_never_queued(make_host: Callable[..., Flask]) -> None:
    app = make_host("mdm.*", actor=None)
    fleet.fill(app, 1)
    assert app.test_client().post("/mdm/devices/1/send/RestartDevice/").status_code == 403
    with app.app_context():
        assert db.session().scalar(sa.select(sa.func.count()).select_from(ChannelCommand)) == 0
        assert db.session().get_one(Channel, 1) is not None
