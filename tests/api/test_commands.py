"""Commands by program: one POST per RequestType, the list, one by its UUID, cancel, result."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.api.world import (
    Program,
    add_device,
    add_user_channel,
    audit_trail,
    program,
    reading,
    statements,
)
from zmdm_plugin import db
from zmdm_plugin.commands import registry
from zmdm_plugin.models import ChannelCommand
from zmdm_plugin.services import vault

CUSTOM_LOCK = """<plist version="1.0"><dict><key>RequestType</key><string>DeviceLock</string>
<key>PIN</key><string>123456</string></dict></plist>"""
CUSTOM_OTHER = CUSTOM_LOCK.replace("DeviceLock", "SomethingNew")
COMPRESSED = zlib.compress(b"<plist/>")


def queue(api: Program, device_id: int, name: str = "SecurityInfo", **query: object) -> str:
    answer = api.post(f"devices/{device_id}/commands/{name}/", **query)
    assert answer.status_code == 201, answer.json
    return str(answer.json["uuid"])


def change(app: Flask, uuid: str, **values: Any) -> None:
    with app.app_context(), db.transaction() as session:
        command = session.scalar(sa.select(ChannelCommand).where(ChannelCommand.uid == uuid))
        for name, value in values.items():
            setattr(command, name, value)


@pytest.mark.parametrize(
    "name", ["DeviceInformation", "SecurityInfo", "RestartDevice", "ProfileList"]
)
def test_a_command_is_queued_by_its_request_type(app: Flask, api: Program, name: str) -> None:
    uuid = queue(api, add_device(app), name)
    shown = api.get(f"commands/{uuid}/").json
    assert (shown["name"], shown["request_type"], shown["state"]) == (name, name, "queued")
    assert shown["channel_kind"] == "device"


def test_every_command_that_people_may_order_has_a_route(app: Flask, api: Program) -> None:
    device_id = add_device(app, platform="macOS")
    for command in registry:
        answer = api.post(f"devices/{device_id}/commands/{command.name}/", {"unknown": 1})
        assert answer.status_code == (422 if command.manual else 404), command.name


def test_an_unknown_request_type_is_a_404(app: Flask, api: Program) -> None:
    assert api.post(f"devices/{add_device(app)}/commands/MakeCoffee/").status_code == 404


def test_a_command_can_be_put_off_and_can_expire(app: Flask, api: Program) -> None:
    soon, late = "2030-01-01T00:00:00Z", "2030-01-02T01:00:00+01:00"
    uuid = queue(api, add_device(app), not_before=soon, expires_at=late)
    shown = api.get(f"commands/{uuid}/").json
    assert shown["not_before"] == "2030-01-01T00:00:00.000000Z"
    assert shown["expires_at"] == "2030-01-02T00:00:00.000000Z"


def test_expiry_before_the_beginning_is_refused(app: Flask, api: Program) -> None:
    query = {"not_before": "2030-01-02T00:00:00Z", "expires_at": "2030-01-01T00:00:00Z"}
    answer = api.post(f"devices/{add_device(app)}/commands/SecurityInfo/", **query)
    assert list(answer.json["errors"]["query"]) == ["expires_at"]


def test_a_command_goes_to_a_users_channel(app: Flask, api: Program) -> None:
    device_id = add_device(app)
    channel_id = add_user_channel(app, device_id, "jane")
    uuid = queue(api, device_id, "ProfileList", channel=channel_id)
    shown = api.get(f"commands/{uuid}/").json
    assert (shown["channel"], shown["channel_kind"]) == (channel_id, "user")
    assert shown["user_short_name"] == "jane"


def test_a_channel_of_another_device_is_not_found(app: Flask, api: Program) -> None:
    mine, other = add_device(app, 1), add_device(app, 2)
    channel_id = add_user_channel(app, other, "jane")
    answer = api.post(f"devices/{mine}/commands/ProfileList/", channel=channel_id)
    assert answer.status_code == 404


def test_the_list_shows_the_newest_first_and_only_this_devices(app: Flask, api: Program) -> None:
    mine, other = add_device(app, 1), add_device(app, 2)
    uuids = [queue(api, mine, name) for name in ("SecurityInfo", "ProfileList")]
    queue(api, other)
    shown = api.get(f"devices/{mine}/commands/").json
    assert [command["uuid"] for command in shown] == uuids[::-1]


def test_the_list_is_filtered_and_paged(app: Flask, api: Program) -> None:
    device_id = add_device(app)
    for _ in range(2):
        for name in ("SecurityInfo", "RestartDevice", "ProfileList"):
            queue(api, device_id, name)
    path = f"devices/{device_id}/commands/"
    pages = list(api.pages(path, name="RestartDevice", limit=1, outstanding="true"))
    assert [[command["name"] for command in page] for page in pages] == [["RestartDevice"]] * 2
    assert api.get(path, state="acknowledged").json == []


def test_the_list_takes_as_many_statements_for_twenty_as_for_one(app: Flask, api: Program) -> None:
    device_id = add_device(app)
    queue(api, device_id)
    path = f"devices/{device_id}/commands/"
    with statements(app) as for_one:
        api.get(path)
    for _ in range(19):
        queue(api, device_id)
    with statements(app) as for_twenty:
        assert len(api.get(path).json) == 20
    assert len(for_one) == len(for_twenty) == 3, for_twenty


def test_a_waiting_command_is_cancelled_once(app: Flask, api: Program) -> None:
    uuid = queue(api, add_device(app))
    assert api.post(f"commands/{uuid}/cancel/").json["state"] == "cancelled"
    assert api.post(f"commands/{uuid}/cancel/").status_code == 409
    assert [entry.action for entry in audit_trail(app)] == ["command.queue", "command.cancel"]


def test_a_delivered_command_cannot_be_cancelled(app: Flask, api: Program) -> None:
    uuid = queue(api, add_device(app))
    change(app, uuid, state="delivered", delivery_count=1, delivered_at=datetime.now(UTC))
    answer = api.post(f"commands/{uuid}/cancel/")
    assert answer.status_code == 409
    assert "cannot be taken back" in answer.json["message"]


def test_a_result_is_a_404_until_the_device_answers(app: Flask, api: Program) -> None:
    assert api.get(f"commands/{queue(api, add_device(app))}/result/").status_code == 404


def test_fetching_a_result_is_audited(app: Flask, api: Program) -> None:
    uuid = queue(api, add_device(app))
    answered(app, uuid)
    answer = api.get(f"commands/{uuid}/result/")
    assert (answer.data, answer.mimetype) == (b"<plist/>", "application/x-plist")
    assert answer.headers["Cache-Control"] == "no-store"
    assert audit_trail(app)[-1].action == "command.reveal_result"


def test_an_answered_command_links_to_its_result(app: Flask, api: Program) -> None:
    uuid = queue(api, add_device(app))
    answered(app, uuid)
    shown = api.get(f"commands/{uuid}/").json
    assert shown["result"] == f"/api/mdm/commands/{uuid}/result/"
    assert shown["result_time"] == "2026-03-01T00:00:00.000000Z"


def test_a_result_needs_a_permission_of_its_own(app: Flask, api: Program) -> None:
    uuid = queue(api, add_device(app))
    answered(app, uuid)
    reader = program(app, "mdm.view_devicecommand")
    assert reader.get(f"commands/{uuid}/").status_code == 200
    assert reader.get(f"commands/{uuid}/result/").status_code == 403


@pytest.mark.parametrize("uuid", ["nonsense", "00000000-0000-4000-8000-000000000000"])
def test_an_unknown_command_is_a_404(api: Program, uuid: str) -> None:
    for path in ("", "result/"):
        answer = api.get(f"commands/{uuid}/{path}")
        assert (answer.status_code, answer.json["code"]) == (404, 404)


def test_a_custom_command_asks_for_the_permission_of_what_it_carries(app: Flask) -> None:
    path = f"devices/{add_device(app)}/commands/Custom/"
    restarts = program(app, "mdm.add_devicecommand.RestartDevice", "mdm.add_devicecommand.Custom")
    locks = program(app, "mdm.add_devicecommand.DeviceLock")
    assert restarts.post(path, {"command": CUSTOM_LOCK}).status_code == 403
    assert locks.post(path, {"command": CUSTOM_LOCK}).status_code == 201
    assert locks.post(path, {"command": CUSTOM_OTHER}).status_code == 403
    other = program(app, "mdm.add_customcommand")
    assert other.post(path, {"command": CUSTOM_OTHER}).json["request_type"] == "SomethingNew"


def test_a_custom_command_is_refused_as_what_it_carries(app: Flask, api: Program) -> None:
    path = f"devices/{add_device(app)}/commands/Custom/"
    without_pin = CUSTOM_LOCK.replace("<key>PIN</key><string>123456</string>", "")
    answer = api.post(path, {"command": without_pin})
    assert (answer.status_code, list(answer.json["errors"]["json"])) == (422, ["command"])


def test_queueing_wakes_the_device_after_the_commit(
    app: Flask, api: Program, redis_url: str
) -> None:
    device_id = add_device(app)
    queue(api, device_id)
    with reading(app) as session:
        row = session.scalar(sa.select(ChannelCommand))
        assert row.created_at > datetime.now(UTC) - timedelta(minutes=1)
        due = sa.text("SELECT push_due_at FROM zmdm_channel")
        assert session.scalar(due) is not None


def answered(app: Flask, uuid: str) -> None:
    """Let the device have answered."""
    at = datetime(2026, 3, 1, tzinfo=UTC)
    change(app, uuid, state="acknowledged", status="Acknowledged", answered_at=at, finished_at=at)
    with app.app_context(), db.transaction() as session:
        command = session.scalar(sa.select(ChannelCommand).where(ChannelCommand.uid == uuid))
        vault.seal(command, "result", COMPRESSED)
