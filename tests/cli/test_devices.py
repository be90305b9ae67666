"""Devices and their commands without a browser: what is typed reaches the device."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from tests.api.world import add_device, add_user_channel, audit_trail
from tests.orders import look, order, quiet
from tests.road import Road
from zmdm_plugin import db
from zmdm_plugin.services import job_runs, tags
from zmdm_simulator.device import SimulatedDevice


def run(app: Flask, *words: object, typed: str = "") -> Result:
    return app.test_cli_runner().invoke(args=["zmdm", *map(str, words)], input=typed)


def loaded(app: Flask, *words: object) -> Any:
    result = run(app, *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def mac(road: Road) -> SimulatedDevice:
    return quiet(road, road.enrolled())


def test_a_lock_reaches_the_mac_with_its_pin(
    road: Road, mac: SimulatedDevice, tmp_path: Path
) -> None:
    pin = tmp_path / "pin"
    pin.write_text("123456\n")
    words = ("device", "lock", mac.facts.serial, "--pin-file", pin, "--message", "Lost")
    assert run(road.app, *words, typed="y\n").exit_code == 0
    (lock,) = mac.connect()
    said = (lock.request_type, lock.command["PIN"], lock.command["Message"])
    assert said == ("DeviceLock", "123456", "Lost")
    assert audit_trail(road.app)[-1].action == "command.queue"


def test_nothing_destructive_happens_unless_somebody_agrees(
    road: Road, mac: SimulatedDevice
) -> None:
    for words in (("lock", "--new-pin"), ("erase",), ("block",)):
        result = run(road.app, "device", words[0], mac.facts.serial, *words[1:], typed="n\n")
        assert result.exit_code == 1 and mac.facts.serial in result.stderr
    assert mac.connect().request_types == []
    assert run(road.app, "command", "list", "--outstanding").output == "no command matches\n"


def test_waiting_ends_with_the_answer(road: Road, mac: SimulatedDevice) -> None:
    words = ("device", "send", mac.facts.udid, "SecurityInfo", "--wait", "20", "--json")
    with ThreadPoolExecutor(1) as threads:
        result = threads.submit(run, road.app, *words)
        while not mac.connect().request_types:
            pass
    assert json.loads(result.result(30).stdout)["state"] == "acknowledged"


def test_waiting_in_vain_is_exit_code_1(road: Road, mac: SimulatedDevice) -> None:
    words = ("device", "send", mac.facts.serial, "SecurityInfo", "--wait", "1", "--json")
    result = run(road.app, *words)
    assert result.exit_code == 1 and json.loads(result.stdout)["state"] == "queued"


def test_arguments_are_checked_before_anything_is_asked(road: Road, mac: SimulatedDevice) -> None:
    words = ("device", "send", mac.facts.serial, "RemoveProfile", "--json", "--args")
    for text, field in (("{}", "identifier"), ("[]", "args"), ("{", "args")):
        result = run(road.app, *words, text)
        assert result.exit_code == 1 and field in json.loads(result.stderr)["errors"]


def test_a_command_is_taken_back_once(road: Road, mac: SimulatedDevice) -> None:
    uuid = order(road, mac, "SecurityInfo")
    assert loaded(road.app, "command", "cancel", uuid)["state"] == "cancelled"
    assert "finished already" in run(road.app, "command", "cancel", uuid).output
    assert look(road, uuid).state == "cancelled"
    assert audit_trail(road.app)[-1].action == "command.cancel"


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("--serial-number", "SERIAL0002"), ["SERIAL0002"]),
        (("--search", "mac 1"), ["SERIAL0001"]),
        (("--not-enrolled",), ["SERIAL0003"]),
        (("--ordering", "-id"), ["SERIAL0003", "SERIAL0002", "SERIAL0001"]),
        (("--limit", "1", "--all"), ["SERIAL0001", "SERIAL0002", "SERIAL0003"]),
        (("--enrolled-after", "2026-02-01"), []),
    ],
)
def test_the_list_filters_as_the_api_does(
    app: Flask, words: tuple[str, ...], found: list[str]
) -> None:
    for number in (1, 2, 3):
        add_device(app, number, enrolled=number < 3)
    listed = loaded(app, "device", "list", *words)
    assert [row["serial_number"] for row in listed] == found


def test_a_list_that_goes_on_says_so(app: Flask) -> None:
    for number in (1, 2):
        add_device(app, number)
    result = run(app, "device", "list", "--limit", "1")
    assert "more than 1" in result.stderr and len(result.stdout.splitlines()) == 2


def test_a_device_is_found_by_serial_number_udid_and_id(app: Flask) -> None:
    device_id = add_device(app, 7)
    add_user_channel(app, device_id, "ada")
    for word in ("SERIAL0007", "UDID-7", device_id):
        (user,) = loaded(app, "device", "users", word)
        assert user["user_short_name"] == "ada"
    assert "there is no device SERIAL8" in run(app, "device", "show", "SERIAL8").output


def test_a_bulk_names_its_devices_and_is_one_run(app: Flask) -> None:
    for number in (1, 2, 3):
        add_device(app, number)
    with app.app_context(), db.transaction():
        tags.create("Lab")
    assert "say which devices" in run(app, "device", "bulk", "block", "--yes").output
    words = ("device", "bulk", "tag", "--args", '{"tag": "lab"}', "--search", "Mac", "--yes")
    run_id = loaded(app, *words)["id"]
    with app.app_context():
        assert job_runs.find(run_id).total == 3
    assert [entry.action for entry in audit_trail(app)] == ["bulk.start"]


def test_a_bulk_is_followed_to_its_end(app: Flask, run_jobs: Callable[[Flask], object]) -> None:
    add_device(app)
    words = ("device", "bulk", "block", "--every-device", "--yes")
    uid = loaded(app, *words)["id"]
    run_jobs(app)
    followed = loaded(app, "job", "watch", uid)
    assert (followed["state"], followed["result"]["done"]) == ("done", 1)


def test_tags_are_put_on_and_taken_off(app: Flask) -> None:
    device_id = add_device(app)
    run(app, "tag", "create", "Lab")
    assert loaded(app, "device", "tag", device_id, "lab")["tags"] == ["Lab"]
    assert loaded(app, "tag", "list")[0]["devices"] == 1
    assert loaded(app, "device", "tag", device_id, "lab", "--remove")["tags"] == []
    actions = [entry.action for entry in audit_trail(app)]
    assert actions == ["tag.create", "device.tag", "device.untag"]
