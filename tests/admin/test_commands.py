"""Commands and their answers."""

from __future__ import annotations

import plistlib
import zlib
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from tests import fleet
from zmdm_plugin import db
from zmdm_plugin.models import AuditEntry, ChannelCommand
from zmdm_plugin.services import vault


def named(app: Flask, name: str) -> ChannelCommand:
    with app.app_context():
        query = sa.select(ChannelCommand).where(ChannelCommand.name == name)
        return db.session().scalars(query).one()


def test_the_list_narrows_to_a_state(browser: FlaskClient) -> None:
    page = browser.get("/mdm/commands/?state=outstanding").text
    assert "List certificates" in page
    assert "The command is not known to this device." not in page


def test_a_command_shows_why_it_waits(screens: Flask, browser: FlaskClient) -> None:
    command = named(screens, "ProfileList")
    page = browser.get(f"/mdm/commands/{command.uid}/").text
    assert "The device said NotNow 3 times" in page


def test_an_answer_is_shown_without_what_may_be_secret(
    screens: Flask, browser: FlaskClient
) -> None:
    command = named(screens, "DeviceInformation")
    page = browser.get(f"/mdm/commands/{command.uid}/").text
    assert "Ada’s Mac" in page
    assert "<dd>hidden</dd>" in page


def test_an_answer_that_cannot_be_read_is_a_page_all_the_same(
    screens: Flask, browser: FlaskClient
) -> None:
    with screens.app_context(), db.transaction() as session:
        query = sa.select(ChannelCommand).where(ChannelCommand.name == "SecurityInfo")
        command = session.scalars(query).one()
        vault.seal(command, "result", zlib.compress(b"no property list"))
        uid = command.uid
    page = browser.get(f"/mdm/commands/{uid}/")
    assert page.status_code == 200
    assert "cannot be read" in page.text


def test_the_answer_as_it_came_is_audited(
    screens: Flask, browser: FlaskClient, post: Callable[..., Any]
) -> None:
    command = named(screens, "DeviceInformation")
    answer = post(browser, f"/mdm/commands/{command.uid}/result.plist")
    assert plistlib.loads(answer.data)["QueryResponses"]["Token"] == b"x"
    with screens.app_context():
        actions = list(db.session().scalars(sa.select(AuditEntry.action)))
        assert actions == ["command.reveal_result"]


def test_the_answer_as_it_came_needs_a_permission_of_its_own(
    make_host: Callable[..., Flask], post: Callable[..., Any]
) -> None:
    app = make_host("mdm.view_enrolleddevice", "mdm.view_devicecommand", "mdm.change_*")
    fleet.fill(app, 1)
    fleet.live(app)
    uid = named(app, "DeviceInformation").uid
    answer = post(app.test_client(), f"/mdm/commands/{uid}/result.plist")
    assert answer.status_code == 403


def test_a_waiting_command_is_cancelled(
    screens: Flask, browser: FlaskClient, post: Callable[..., Any]
) -> None:
    command = named(screens, "CertificateList")
    assert post(browser, f"/mdm/commands/{command.uid}/cancel/").status_code == 303
    assert named(screens, "CertificateList").state == "cancelled"


def test_a_delivered_command_cannot_be_cancelled(
    screens: Flask, browser: FlaskClient, post: Callable[..., Any]
) -> None:
    command = named(screens, "InstalledApplicationList")
    assert post(browser, f"/mdm/commands/{command.uid}/cancel/").status_code == 409


def test_a_finished_command_can_be_sent_again(screens: Flask, browser: FlaskClient) -> None:
    finished, waiting = named(screens, "RestartDevice"), named(screens, "CertificateList")
    link = "/mdm/devices/1/send/RestartDevice/"
    assert link in browser.get(f"/mdm/commands/{finished.uid}/").text
    assert "Send again" not in browser.get(f"/mdm/commands/{waiting.uid}/").text


def test_an_unknown_command_is_a_page_that_says_so(browser: FlaskClient) -> None:
    assert browser.get("/mdm/commands/00000000-0000-0000-0000-000000000000/").status_code == 404
    assert browser.get("/mdm/commands/%00/").status_code == 404
