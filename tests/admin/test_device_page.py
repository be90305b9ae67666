"""The pages of one device, and what can be done there."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from zmdm_plugin import db
from zmdm_plugin.models import AuditEntry, Channel, ChannelCommand, Device, PushCertificate
from zmdm_plugin.models.base import utcnow

MAC, PHONE = 1, 3
PROFILE = b"""<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict>
<key>PayloadType</key><string>Configuration</string><key>PayloadVersion</key><integer>1</integer>
<key>PayloadIdentifier</key><string>com.example.test</string>
<key>PayloadUUID</key><string>0A6B1C7C-0000-4000-8000-000000000001</string>
<key>PayloadContent</key><array/></dict></plist>"""


def last(app: Flask, model: type[Any]) -> Any:
    """The newest row."""
    with app.app_context():
        return db.session().scalars(sa.select(model).order_by(model.id.desc()).limit(1)).one()


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("", "MacBook Pro of Ada"),
        ("facts/", "Organization name"),
        ("applications/", "com.example.safari"),
        ("profiles/", "Office Wi-Fi"),
        ("certificates/", "Example Ltd Root CA"),
        ("commands/", "List certificates"),
        ("timeline/", "Device enrolled"),
        ("live/", "The device said NotNow 3 times"),
        ("send/", "Erases everything on it."),
    ],
)
def test_each_part_of_a_device_has_a_page(browser: FlaskClient, part: str, words: str) -> None:
    answer = browser.get(f"/mdm/devices/1/{part}")
    assert answer.status_code == 200
    assert words in answer.text


def test_a_command_without_arguments_is_sent_by_one_button(
    screens: Flask, browser: FlaskClient, post: Callable[..., Any]
) -> None:
    answer = post(browser, f"/mdm/devices/{PHONE}/send/SecurityInfo/")
    assert (answer.status_code, answer.location) == (303, f"/mdm/devices/{PHONE}/")
    command = last(screens, ChannelCommand)
    assert (command.name, command.state, command.device_id) == ("SecurityInfo", "queued", PHONE)
    assert command.actor_label == "somebody@example.com"


def test_sending_wakes_the_device(
    screens: Flask, browser: FlaskClient, post: Callable[..., Any]
) -> None:
    post(browser, f"/mdm/devices/{PHONE}/send/SecurityInfo/")
    with screens.app_context():
        assert db.session().get_one(Channel, PHONE).push_due_at is not None


def test_sending_is_in_the_audit_without_secrets(
    screens: Flask, browser: FlaskClient, post: Callable[..., Any]
) -> None:
    post(browser, f"/mdm/devices/{MAC}/send/DeviceLock/", pin="482913", message="Lost")
    entry = last(screens, AuditEntry)
    assert (entry.action, entry.source_ip) == ("command.queue", "127.0.0.1")
    assert "482913" not in repr((entry.before, entry.after, entry.reason))


def test_a_refusal_stands_beside_its_field_and_queues_nothing(
    screens: Flask, browser: FlaskClient, post: Callable[..., Any]
) -> None:
    before = last(screens, ChannelCommand).id
    answer = post(browser, f"/mdm/devices/{MAC}/send/DeviceLock/", message="Lost")
    assert answer.status_code == 422
    assert "A Mac is locked with a PIN of six digits." in answer.text
    assert ">Lost</textarea>" in answer.text
    assert last(screens, ChannelCommand).id == before


def test_a_secret_that_was_typed_is_never_sent_back(
    browser: FlaskClient, post: Callable[..., Any]
) -> None:
    answer = post(browser, f"/mdm/devices/{MAC}/send/DeviceLock/", pin="48291x")
    assert answer.status_code == 422
    assert "48291x" not in answer.text


def test_the_form_has_what_the_device_knows(browser: FlaskClient) -> None:
    assert 'name="pin" required' in browser.get(f"/mdm/devices/{MAC}/send/DeviceLock/").text
    assert 'name="pin"' not in browser.get(f"/mdm/devices/{PHONE}/send/DeviceLock/").text


def test_erasing_asks_for_the_serial_number(
    screens: Flask, browser: FlaskClient, post: Callable[..., Any]
) -> None:
    path = f"/mdm/devices/{PHONE}/send/EraseDevice/"
    assert post(browser, path).status_code == 422
    answer = post(browser, path, confirm="C02WRONG")
    assert answer.status_code == 422
    assert 'name="confirm" required aria-describedby="f-confirm-error" aria-invalid' in answer.text
    with screens.app_context():
        serial = db.session().get_one(Device, PHONE).serial_number
    assert post(browser, path, confirm=serial).status_code == 303
    assert last(screens, ChannelCommand).name == "EraseDevice"


def test_a_profile_is_uploaded_and_queued(
    screens: Flask, browser: FlaskClient, post: Callable[..., Any]
) -> None:
    upload = (io.BytesIO(PROFILE), "test.mobileconfig")
    answer = post(browser, f"/mdm/devices/{MAC}/send/InstallProfile/", profile=upload)
    assert answer.status_code == 303
    assert last(screens, ChannelCommand).name == "InstallProfile"


def test_nothing_is_sent_to_a_device_that_has_left(
    screens: Flask, browser: FlaskClient, post: Callable[..., Any]
) -> None:
    answer = post(browser, "/mdm/devices/11/send/DeviceInformation/")
    assert answer.status_code == 422
    assert "not enrolled" in answer.text


@pytest.mark.parametrize("name", ["NoSuchCommand", "RenewIdentity", "%00"])
def test_an_unknown_command_is_nothing(browser: FlaskClient, name: str) -> None:
    assert browser.get(f"/mdm/devices/1/send/{name}/").status_code == 404


@pytest.mark.parametrize("typed", ["\0", "\ud800", "x" * 300])
def test_text_that_cannot_be_stored_is_refused_beside_its_field(
    browser: FlaskClient, post: Callable[..., Any], typed: str
) -> None:
    path = f"/mdm/devices/{PHONE}/send/DeviceLock/"
    encoded = typed.encode("utf-8", "surrogatepass").decode("latin-1")
    assert post(browser, path, message=encoded + "\0").status_code == 422


def test_a_device_is_blocked_once(
    screens: Flask, browser: FlaskClient, post: Callable[..., Any]
) -> None:
    assert post(browser, "/mdm/devices/2/do/", do="block").status_code == 303
    with screens.app_context():
        assert db.session().get_one(Device, 2).blocked_at is not None
    assert post(browser, "/mdm/devices/2/do/", do="block").status_code == 409
    assert post(browser, "/mdm/devices/2/do/", do="unblock").status_code == 303


def test_an_unknown_button_is_nothing(browser: FlaskClient, post: Callable[..., Any]) -> None:
    assert post(browser, "/mdm/devices/2/do/", do="explode").status_code == 404


def user_channel(app: Flask) -> int:
    with app.app_context():
        return db.session().scalars(sa.select(Channel.id).where(Channel.kind == "user")).one()


def test_a_command_is_sent_to_a_user_of_a_device(
    screens: Flask, browser: FlaskClient, post: Callable[..., Any]
) -> None:
    channel = user_channel(screens)
    assert f"/send/?channel={channel}" in browser.get(f"/mdm/devices/{MAC}/").text
    chosen = browser.get(f"/mdm/devices/{MAC}/send/?channel={channel}").text
    assert "To ada, a user of this device." in chosen
    assert f"/send/InstallProfile/?channel={channel}" in chosen
    answer = post(
        browser,
        f"/mdm/devices/{MAC}/send/InstallProfile/?channel={channel}",
        profile=(io.BytesIO(PROFILE), "test.mobileconfig"),
    )
    assert answer.status_code == 303
    sent = last(screens, ChannelCommand)
    assert (sent.name, sent.channel_id) == ("InstallProfile", channel)


def test_what_users_cannot_be_sent_is_said_and_refused(
    screens: Flask, browser: FlaskClient, post: Callable[..., Any]
) -> None:
    channel = user_channel(screens)
    before = last(screens, ChannelCommand).id
    path = f"/mdm/devices/{MAC}/send/RestartDevice/"
    assert f"{path}?channel" not in browser.get(f"/mdm/devices/{MAC}/send/?channel={channel}").text
    assert post(browser, f"{path}?channel={channel}").status_code == 422
    assert last(screens, ChannelCommand).id == before


@pytest.mark.parametrize("channel", ["2", "0", "x", "9223372036854775808", "-1"])
def test_a_channel_of_no_user_of_this_device_is_not_found(
    browser: FlaskClient, channel: str
) -> None:
    assert browser.get(f"/mdm/devices/{MAC}/send/?channel={channel}").status_code == 404


def test_a_push_certificate_that_rests_is_why_a_command_waits(
    screens: Flask, browser: FlaskClient, post: Callable[..., Any]
) -> None:
    with screens.app_context(), db.transaction() as session:
        session.get_one(Device, PHONE).push_certificate_id = 1
        session.execute(
            sa.update(PushCertificate).values(
                certificate="PEM", broken_at=utcnow(), broken_reason="BadCertificate"
            )
        )
    post(browser, f"/mdm/devices/{PHONE}/send/SecurityInfo/")
    said = "Not pushed: the push certificate “Example Ltd” rests"
    uuid = last(screens, ChannelCommand).uuid
    for path in (f"devices/{PHONE}/live/", f"commands/{uuid}/"):
        page = browser.get(f"/mdm/{path}").text
        assert said in page
        assert "BadCertificate" in page
