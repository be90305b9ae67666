"""Software updates and enforcements over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.api.world import Program, audit_trail, program
from tests.updates import Updates, lay_updates, settings_for
from zmdm_plugin import db
from zmdm_plugin.services import tags
from zmdm_simulator.software_lookup import PlayedSoftwareLookup

ONCE = {
    "name": "Christmas",
    "platforms": ["macOS"],
    "os_version": "26.2",
    "local_datetime": "2026-12-24T09:30:00",
}
NEWEST = {"name": "Newest", "platforms": ["macOS", "iOS"], "max_os_version": "27"}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lookup")


@pytest.fixture
def lookup(folder: Path) -> Iterator[PlayedSoftwareLookup]:
    played = PlayedSoftwareLookup(folder).start()
    yield played
    played.stop()


@pytest.fixture
def updates(
    sqlite_url: str, lookup: PlayedSoftwareLookup, make_app: Callable[..., Flask]
) -> Iterator[Updates]:
    with lay_updates(make_app(sqlite_url, **settings_for(lookup)), lookup) as laid:
        yield laid


@pytest.fixture
def api(updates: Updates) -> Program:
    return program(updates.app)


def put(api: Program, path: str, body: dict[str, Any]) -> Any:
    return api.client.put(f"/api/mdm/{path}", headers=api.headers, json=body)


def test_a_sync_is_a_task_that_a_worker_does(
    updates: Updates, api: Program, run_jobs: Callable[[Flask], int]
) -> None:
    answer = api.post("software_updates/sync/")
    assert answer.status_code == 201
    assert set(answer.json) == {"task_id", "task_result_url"}
    assert answer.json["task_result_url"] == f"/api/task_result/{answer.json['task_id']}/"
    assert api.post("software_updates/sync/").status_code == 409
    run_jobs(updates.app)
    result = api.client.get(answer.json["task_result_url"], headers=api.headers).json
    assert (result["status"], result["result"]["new"]) == ("SUCCESS", 18)
    feed = api.get("software_updates/feed/").json
    assert (feed["releases"], feed["error"], feed["task_id"]) == (18, None, None)


@pytest.mark.parametrize("lacking", ["add", "change", "delete"])
def test_a_sync_needs_three_permissions(updates: Updates, lacking: str) -> None:
    held = [f"mdm.{word}_softwareupdate" for word in ("add", "change", "delete") if word != lacking]
    answer = program(updates.app, *held).post("software_updates/sync/")
    assert (answer.status_code, f"mdm.{lacking}_softwareupdate" in str(answer.json)) == (403, True)


def test_updates_are_listed_with_filters(updates: Updates, api: Program) -> None:
    updates.sync()
    found = api.get("software_updates/", platform="macOS", version="26.2").json
    assert [(one["build"], one["managed"]) for one in found] == [("25C56", True)]
    assert "J314sAP" in found[0]["devices"]
    for query, versions in (
        ({"device_id": "MacBookPro14,1"}, []),
        ({"device_id": "Mac-B4831CEBD52A0C4C"}, ["13.7.8"]),
        ({"platform": "iPadOS", "build": "21H450"}, ["17.7.10"]),
        ({"background": "true", "platform": "macOS"}, ["26.1"]),
    ):
        assert [one["version"] for one in api.get("software_updates/", **query).json] == versions


def test_the_newest_come_first_and_in_pages(updates: Updates, api: Program) -> None:
    updates.sync()
    pages = list(api.pages("software_updates/", limit=7))
    assert [len(page) for page in pages] == [7, 7, 4]
    versions = [tuple(map(int, one["version"].split("."))) for page in pages for one in page]
    assert [one[0] for one in versions] == sorted((one[0] for one in versions), reverse=True)


def test_a_withdrawn_update_is_kept_and_not_available(updates: Updates, api: Program) -> None:
    updates.sync()
    updates.lookup.withdraw("15.7.3")
    updates.sync()
    [gone] = api.get("software_updates/", version="15.7.3").json
    assert gone["withdrawn_at"].endswith("Z")
    assert api.get("software_updates/", version="15.7.3", available="true").json == []


def test_an_enforcement_is_made_changed_and_deleted(updates: Updates, api: Program) -> None:
    made = api.post("software_update_enforcements/", {**NEWEST, "blueprints": [updates.blueprint]})
    assert made.status_code == 201, made.json
    assert (made.json["delay_days"], made.json["local_time"]) == (14, "09:30:00")
    assert made.json["blueprints"] == [updates.blueprint]
    path = f"software_update_enforcements/{made.json['id']}/"
    changed = put(api, path, {**ONCE, "name": "Newest"})
    assert (changed.json["os_version"], changed.json["max_os_version"]) == ("26.2", "")
    assert changed.json["blueprints"] == [updates.blueprint]
    assert api.get(path).json == changed.json
    url = f"/api/mdm/{path}"
    assert api.client.delete(url, headers=api.headers).status_code == 409
    assert put(api, path, {**ONCE, "blueprints": []}).json["blueprints"] == []
    assert api.client.delete(url, headers=api.headers).status_code == 204
    assert api.get(path).status_code == 404
    actions = [entry.action.partition(".")[2] for entry in audit_trail(updates.app)]
    assert actions[-4:] == ["create", "change", "change", "delete"]


def test_enforcements_are_found_by_name(updates: Updates, api: Program) -> None:
    for body in (NEWEST, ONCE):
        api.post("software_update_enforcements/", body)
    found = api.get("software_update_enforcements/", name="Christmas").json
    assert [one["summary"] for one in found] == ["26.2 by 2026-12-24 09:30, the device's time"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x", "platforms": ["macOS"]}, "os_version"),
        ({**ONCE, "max_os_version": "27"}, "os_version"),
        ({**ONCE, "delay_days": 3}, "delay_days"),
        ({**NEWEST, "local_datetime": "2026-12-24T09:30:00"}, "local_datetime"),
        ({**NEWEST, "delay_days": None}, "delay_days"),
        ({**NEWEST, "local_time": None}, "local_time"),
        ({**NEWEST, "delay_days": "14"}, "delay_days"),
        ({**NEWEST, "platforms": ["Windows"]}, "platforms"),
        ({**NEWEST, "tags": [7]}, "tags"),
        ({**NEWEST, "blueprints": [2**63]}, "blueprints"),
        ({**NEWEST, "color": "red"}, "color"),
    ],
)
def test_a_wrong_enforcement_says_what_is_wrong(
    api: Program, body: dict[str, Any], field: str
) -> None:
    answer = api.post("software_update_enforcements/", body)
    assert (answer.status_code, field in str(answer.json["errors"])) == (422, True)


def test_a_preview_says_which_device_gets_what_and_when(updates: Updates, api: Program) -> None:
    updates.sync()
    mac, old = updates.device(), updates.device("MacBookPro14,1")
    number = updates.enforce(max_os_version="27", platforms=["macOS"])
    pages = list(api.pages(f"software_update_enforcements/{number}/preview/", limit=1))
    first, second = pages[0][0], pages[1][0]
    assert (first["device_id"], first["targets"][0]["os_version"], first["counts"]) == (
        mac,
        "26.2",
        True,
    )
    assert (second["device_id"], second["targets"]) == (old, [])
    assert "need macOS 14.0" in second["why"]


def test_a_device_shows_its_targets_and_what_it_is_offered(updates: Updates, api: Program) -> None:
    updates.sync()
    mac = updates.device()
    updates.enforce()
    updates.refresh(mac)
    found = api.get(f"devices/{mac}/software_updates/").json
    assert [one["os_version"] for one in found["targets"]] == ["26.2"]
    assert {one["kind"]: one["version"] for one in found["offered"]} == {
        "minor": "26.2",
        "background": "26.1",
    }
    updates.set(mac, os_version="26.2", build_version="25C56")
    updates.refresh(mac)
    found = api.get(f"devices/{mac}/software_updates/").json
    assert [one["ended"] for one in found["former"]] == ["installed"]


def test_tags_are_told_by_id(updates: Updates, api: Program) -> None:
    with updates.app.app_context(), db.transaction():
        number = tags.create("Pilot").id
    made = api.post("software_update_enforcements/", {**NEWEST, "tags": [number]}).json
    assert made["tags"] == [number]
    assert put(api, f"software_update_enforcements/{made['id']}/", NEWEST).json["tags"] == [number]


def test_viewing_is_a_permission_of_its_own(updates: Updates) -> None:
    nobody = program(updates.app, "mdm.view_enrolleddevice")
    for path in ("software_updates/", "software_updates/feed/", "software_update_enforcements/"):
        assert nobody.get(path).status_code == 403


def test_a_blueprint_names_its_enforcements(updates: Updates, api: Program) -> None:
    first, second = (updates.enforce(name, blueprints=[]) for name in ("One", "Two"))
    path = f"blueprints/{updates.blueprint}/software_update_enforcements/"
    both = {"software_update_enforcements": [first, second]}
    assert put(api, path, both).json == both
    assert api.get(path).json == both
    assert put(api, path, {"software_update_enforcements": [99]}).status_code == 422
    one = put(api, path, {"software_update_enforcements": [second]})
    assert one.json == {"software_update_enforcements": [second]}
    assert api.get(f"software_update_enforcements/{first}/").json["blueprints"] == []
    reasons = [entry.reason for entry in audit_trail(updates.app)]
    assert reasons[-1] == f"software update enforcements: {second}"
