"""Block, unblock, poke, lock, erase: what changes, what is refused, what the audit says."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.api.world import Program, add_device, audit_trail, program, reading
from zmdm_plugin.models import Channel, ChannelCommand, Device

PHONE = {"platform": "iOS", "model": "iPhone16,1"}
NEITHER = {"disallow_proximity_setup": False, "preserve_data_plan": False}


def test_blocking_shows_since_when_and_unblocking_that_it_is_over(app: Flask, api: Program) -> None:
    path = f"devices/{add_device(app)}/"
    assert api.post(path + "block/").json["blocked_at"].endswith("Z")
    assert api.get(path).json["blocked_at"] is not None
    assert api.post(path + "unblock/").json["blocked_at"] is None


def test_blocking_twice_is_a_conflict(app: Flask, api: Program) -> None:
    path = f"devices/{add_device(app)}/block/"
    assert [api.post(path).status_code for _ in range(2)] == [200, 409]


def test_unblocking_what_is_not_blocked_is_a_conflict(app: Flask, api: Program) -> None:
    assert api.post(f"devices/{add_device(app)}/unblock/").status_code == 409


def test_one_of_two_programs_that_block_at_once_is_told_so(pg_app: Flask) -> None:
    path, answers = f"devices/{add_device(pg_app)}/block/", []
    programs = [program(pg_app) for _ in range(4)]
    start = threading.Barrier(len(programs))

    def block(one: Program) -> None:
        start.wait(10)
        answers.append(one.post(path).status_code)

    threads = [threading.Thread(target=block, args=(one,)) for one in programs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(answers) == [200, 409, 409, 409]
    assert len(audit_trail(pg_app)) == 1


def test_the_audit_tells_who_blocked_what_from_where(app: Flask, api: Program) -> None:
    device_id = add_device(app)
    api.post(f"devices/{device_id}/block/")
    (entry,) = audit_trail(app)
    assert (entry.action, entry.object_type, entry.object_id) == (
        "device.block",
        "device",
        device_id,
    )
    assert entry.actor_kind == "token" and "admin@example.com" in entry.actor_label
    assert (entry.serial_number, entry.source_ip) == ("SERIAL0001", "127.0.0.1")
    assert entry.before == {"blocked_at": None}
    assert entry.after["blocked_at"].endswith("Z")


def test_a_conflict_leaves_no_audit_entry(app: Flask, api: Program) -> None:
    api.post(f"devices/{add_device(app)}/unblock/")
    assert audit_trail(app) == []


def test_a_poke_makes_a_push_due(app: Flask, api: Program) -> None:
    device_id = add_device(app)
    assert api.post(f"devices/{device_id}/poke/").status_code == 200
    with reading(app) as session:
        assert session.scalar(sa.select(Channel.push_due_at)) is not None


def test_a_device_that_is_not_enrolled_cannot_be_poked(app: Flask, api: Program) -> None:
    device_id = add_device(app)
    with reading(app) as session:
        session.execute(sa.update(Channel).values(push_token=None))
        session.commit()
    assert api.post(f"devices/{device_id}/poke/").status_code == 409


def test_a_lock_returns_the_documented_command(app: Flask, api: Program) -> None:
    device_id = add_device(app)
    body = {"pin": "012345", "message": "This device is locked!", "phone_number": "+49000000000"}
    answer = api.post(f"devices/{device_id}/lock/", body)
    assert answer.status_code == 201
    command = answer.json
    assert (command["name"], command["enrolled_device"]) == ("DeviceLock", device_id)
    nothing_yet = {"artifact_version", "artifact_operation", "not_before", "time", "result"}
    nothing_yet |= {"result_time", "status", "error_chain"}
    assert {name: command[name] for name in nothing_yet} == dict.fromkeys(nothing_yet)
    assert {"id", "uuid", "created_at", "updated_at"} <= set(command)
    assert command["created_at"].endswith("Z") and command["updated_at"].endswith("Z")
    assert (type(command["id"]), len(command["uuid"])) == (int, 36)


@pytest.mark.parametrize(
    ("facts", "action", "body", "field"),
    [
        ({}, "lock", {}, "pin"),
        (PHONE, "lock", {"pin": "123456"}, "pin"),
        ({}, "lock", {"pin": "12345"}, "pin"),
        ({}, "lock", {"pin": "١٢٣٤٥٦"}, "pin"),
        ({}, "lock", {"pin": "123456\n"}, "pin"),
        ({}, "lock", {"pin": "123456", "mesage": "x"}, "mesage"),
        ({}, "lock", {"pin": "123456", "message": "\0"}, "message"),
        ({}, "lock", {"pin": "123456", "message": "\ud800"}, "message"),
        ({"model": "iMac11,1"}, "erase", {}, "pin"),
        ({}, "erase", {"preserve_data_plan": True}, "preserve_data_plan"),
        ({**PHONE, "os_version": "18.1"}, "erase", {}, "disallow_proximity_setup"),
        (PHONE, "erase", {"disallow_proximity_setup": True}, "preserve_data_plan"),
        (PHONE, "erase", {**NEITHER, "pin": "123456"}, "pin"),
        (PHONE, "erase", {**NEITHER, "preserve_data_plan": None}, "preserve_data_plan"),
    ],
)
def test_what_cannot_be_done_is_a_422_that_names_the_argument(
    app: Flask, api: Program, facts: dict[str, Any], action: str, body: Any, field: str
) -> None:
    device_id = add_device(app, **facts)
    answer = api.post(f"devices/{device_id}/{action}/", body)
    assert answer.status_code == 422
    assert list(answer.json["errors"]["json"]) == [field]
    with reading(app) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(ChannelCommand)) == 0


def test_a_mac_with_apple_silicon_is_erased_without_arguments(app: Flask, api: Program) -> None:
    device_id = add_device(app, apple_silicon=True, model="Mac15,3")
    assert api.post(f"devices/{device_id}/erase/").json["name"] == "EraseDevice"


def test_a_phone_is_erased_once_it_is_told_what_stays(app: Flask, api: Program) -> None:
    device_id = add_device(app, **PHONE)
    body = {"disallow_proximity_setup": True, "preserve_data_plan": False}
    answer = api.post(f"devices/{device_id}/erase/", body)
    assert (answer.status_code, answer.json["name"]) == (201, "EraseDevice")
    with reading(app) as session:
        assert session.scalar(sa.select(ChannelCommand.args)) == body


def test_a_body_that_is_no_json_never_erases(app: Flask, api: Program) -> None:
    path = f"/api/mdm/devices/{add_device(app, apple_silicon=True)}/erase/"
    answer = api.client.post(path, headers=api.headers, data={"obliteration_behavior": "Default"})
    assert answer.status_code == 415
    assert api.get("devices/1/commands/").json == []


def test_a_pin_is_neither_in_the_answer_nor_in_the_audit(app: Flask, api: Program) -> None:
    answer = api.post(f"devices/{add_device(app)}/lock/", {"pin": "918273"})
    (entry,) = audit_trail(app)
    assert entry.action == "command.queue"
    assert "918273" not in answer.text + str(entry.after) + str(entry.reason)


def test_a_device_that_checked_out_takes_no_command(app: Flask, api: Program) -> None:
    device_id = add_device(app, enrolled=False)
    assert api.post(f"devices/{device_id}/lock/", {"pin": "123456"}).status_code == 409


def test_an_action_on_an_unknown_device_is_a_404(api: Program) -> None:
    for action in ("block", "unblock", "poke", "erase"):
        assert api.post(f"devices/{2**63 - 1}/{action}/").status_code == 404


def test_a_device_row_survives_its_own_actions(app: Flask, api: Program) -> None:
    device_id = add_device(app)
    for action in ("block", "unblock", "poke"):
        assert api.post(f"devices/{device_id}/{action}/").status_code == 200
    with reading(app) as session:
        assert session.get(Device, device_id).name == "Mac 1"
