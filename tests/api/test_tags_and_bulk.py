"""Tags, and one order to many devices, for programs."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from tests.api.world import Program, add_device, audit_trail, program
from zmdm_plugin.jobs import bulk as job


@pytest.fixture
def five(app: Flask) -> list[int]:
    """Three Macs and two iPhones."""
    macs = [add_device(app, number) for number in (1, 2, 3)]
    phones = [add_device(app, number, platform="iOS", model="iPhone16,1") for number in (4, 5)]
    return [*macs, *phones]


def order(app: Flask, api: Program, **body: Any) -> dict[str, Any]:
    """Give the order, work it off, and fetch what came of it."""
    answer = api.post("devices/bulk/", body)
    assert answer.status_code == 201, answer.json
    with app.app_context():
        job.run(answer.json["task_id"])
    found = api.client.get(answer.json["task_result_url"], headers=api.headers)
    assert isinstance(found.json, dict)
    return found.json


def test_a_tag_is_made_renamed_and_deleted(api: Program) -> None:
    made = api.post("tags/", {"name": "Lab", "color": "blue"})
    path = f"/api/mdm/tags/{made.json['id']}/"
    changed = api.client.patch(path, headers=api.headers, json={"name": "Workshop"})
    assert (changed.json["name"], changed.json["color"]) == ("Workshop", "blue")
    assert api.client.delete(path, headers=api.headers).status_code == 204
    assert api.get("tags/").json == []


def test_a_name_in_other_capitals_is_taken(api: Program) -> None:
    api.post("tags/", {"name": "Lab"})
    again = api.post("tags/", {"name": "LAB"})
    assert again.status_code == 422
    assert "name" in str(again.json)


def test_tags_are_set_on_a_device_and_found_by(api: Program, five: list[int]) -> None:
    api.post("tags/", {"name": "Lab"})
    api.post("tags/", {"name": "Board"})
    path = f"/api/mdm/devices/{five[1]}/tags/"
    put = api.client.put(path, headers=api.headers, json={"tags": ["lab", "Board"]})
    assert [tag["name"] for tag in put.json] == ["Board", "Lab"]
    assert [device["id"] for device in api.get("devices/", tag="LAB").json] == [five[1]]
    api.client.put(path, headers=api.headers, json={"tags": []})
    assert api.get(f"devices/{five[1]}/tags/").json == []


def test_an_unknown_tag_is_refused_by_name(api: Program, five: list[int]) -> None:
    path = f"/api/mdm/devices/{five[0]}/tags/"
    answer = api.client.put(path, headers=api.headers, json={"tags": ["nothing"]})
    assert answer.status_code == 422
    assert "nothing" in str(answer.json)


def test_all_matching_are_counted_and_then_done(app: Flask, api: Program, five: list[int]) -> None:
    counted = api.get("devices/count/", platform="macOS").json
    assert counted == {"count": 3, "up_to": five[2]}
    result = order(app, api, action="block", filter={"platform": "macOS"}, **counted)
    assert (result["status"], result["result"]["done"]) == ("SUCCESS", 3)
    assert len(api.get("devices/", blocked="true").json) == 3


def test_a_command_goes_to_some_by_their_ids(app: Flask, api: Program, five: list[int]) -> None:
    result = order(app, api, action="command:DeviceLock", args={"message": "Ring us"}, ids=five)
    assert result["result"]["done"] == 5
    queued = [entry for entry in audit_trail(app) if entry.action == "command.queue"]
    assert {entry.device_id for entry in queued} == set(five)


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"action": "block"}, 422, "ids"),
        ({"action": "block", "filter": {}}, 422, "count"),
        ({"action": "block", "filter": {"color": "red"}, "count": 5}, 422, "color"),
        ({"action": "command:EraseDevice", "ids": [1]}, 422, "action"),
        ({"action": "command:DeviceLock", "args": {"pin": "1"}, "ids": [1]}, 422, "pin"),
        ({"action": "block", "ids": [2**63]}, 422, "ids"),
        ({"action": "block", "filter": {}, "count": 4}, 409, "5 devices match by now"),
    ],
)
def test_a_wrong_order_says_what_is_wrong(
    api: Program, five: list[int], body: dict[str, Any], status: int, field: str
) -> None:
    answer = api.post("devices/bulk/", body)
    assert answer.status_code == status
    assert field in str(answer.json)


def test_a_token_acts_only_as_far_as_it_may(app: Flask, five: list[int]) -> None:
    reader = program(app, "mdm.view_*")
    answer = reader.post("devices/bulk/", {"action": "block", "ids": five})
    assert answer.status_code == 403
