"""Virtual servers and DEP devices over HTTP."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from tests.api.world import Program, add_device, audit_trail, program
from tests.dep_road import Dep, fill, lay_dep, settings_for
from zmdm_simulator.apple.dep import PlayedDep


@pytest.fixture
def dep(sqlite_url: str, make_app: Callable[..., Flask]) -> Iterator[Dep]:
    played = PlayedDep().start()
    with lay_dep(make_app(sqlite_url, **settings_for(played)), played) as laid:
        yield laid
    played.stop()


@pytest.fixture
def api(dep: Dep) -> Program:
    return program(dep.app)


def put(api: Program, path: str, body: dict[str, Any]) -> Any:
    return api.client.put(f"/api/mdm/{path}", headers=api.headers, json=body)


def serials(api: Program, **query: object) -> list[str]:
    return [one["serial_number"] for one in api.get("dep/devices/", **query).json]


@pytest.mark.parametrize(("query", "full"), [({}, False), ({"full_sync": "yes"}, True)])
def test_a_sync_is_a_task_that_a_worker_does(
    dep: Dep, run_jobs: Callable[[Flask], int], query: dict[str, str], full: bool
) -> None:
    api = program(dep.app, "mdm.view_depvirtualserver", "mdm.view_jobrun")
    run_jobs(dep.app)
    fill(dep.played, 3)
    before = dep.server().fetch_number
    answer = api.post("dep/virtual_servers/1/sync_devices/", **query)
    assert answer.status_code == 201 and set(answer.json) == {"task_id", "task_result_url"}
    again = api.post("dep/virtual_servers/1/sync_devices/")
    assert again.status_code == 409 and answer.json["task_id"] in again.json["message"]
    run_jobs(dep.app)
    result = api.client.get(answer.json["task_result_url"], headers=api.headers).json
    assert (result["status"], result["result"]["new"]) == ("SUCCESS", 3)
    assert dep.server().fetch_number - before == full


def test_a_server_is_connected_and_renewed_by_a_program(dep: Dep, api: Program) -> None:
    made = api.post("dep/virtual_servers/", {"name": "Lab"}).json
    path = f"dep/virtual_servers/{made['id']}"
    assert (made["uuid"], made["connected"], made["renewing"]) == (None, False, True)
    for _ in range(2):
        key = api.get(f"{path}/public_key/")
        assert key.data.startswith(b"-----BEGIN CERTIFICATE-----")
        token = dep.played.organization.new_server("Lab").token_file(key.data)
        body = {"token": b64encode(token).decode()}
        shown = put(api, f"{path}/token/", body).json
        assert (shown["connected"], shown["renewing"]) == (True, False)
        assert api.post(f"{path}/key/").json["renewing"] is True
    wrong = put(api, "dep/virtual_servers/1/token/", body)
    assert wrong.status_code == 422 and "another public key" in str(wrong.json)
    actions = [one.action for one in audit_trail(dep.app)]
    assert "dep_virtual_server.connect" in actions and "dep_virtual_server.renew" in actions


def test_what_apple_has_against_a_request_is_an_answer_in_words(dep: Dep, api: Program) -> None:
    tokens = api.get("dep/virtual_servers/1/beta_tokens/").json
    assert tokens["error"] is None and tokens["beta_tokens"][0]["os"] == "iOS"
    dep.played.fail(beta=False)
    assert "turned off" in api.get("dep/virtual_servers/1/beta_tokens/").json["error"]
    dep.played.fail(terms_signed=False)
    answer = api.get("dep/virtual_servers/1/beta_tokens/")
    assert answer.status_code == 409 and "terms and conditions" in answer.json["message"]
    assert api.get("dep/virtual_servers/1/").json["terms_not_signed_at"] is not None


def test_devices_are_listed_with_filters_and_orderings(dep: Dep, api: Program) -> None:
    every = fill(dep.played, 4, models=["MacBookPro18,3", "iPhone15,2"])
    dep.sync()
    add_device(dep.app, serial_number=every[0])
    dep.played.organization.remove(every[3:])
    dep.sync()
    assert serials(api) == every and serials(api, deleted="false") == every[:3]
    assert serials(api, device_family="Mac") == [every[0], every[2]]
    assert serials(api, last_op_type="deleted") == [every[3]]
    assert serials(api, serial_number=every[1], profile_status="empty") == [every[1]]
    assert serials(api, virtual_server=2) == [] == serials(api, profile_uuid="f" * 32)
    for name in ("created_at", "last_op_date", "updated_at", "serial_number"):
        pages = list(api.pages("dep/devices/", ordering=f"-{name}", limit=3))
        assert [len(page) for page in pages] == [3, 1]
    first, second = api.get("dep/devices/", limit=2).json
    assert (first["device"], second["device"]) == (1, None)


def test_an_assignment_is_wanted_at_once_and_made_by_a_worker(
    dep: Dep, api: Program, run_jobs: Callable[[Flask], int]
) -> None:
    (serial,) = fill(dep.played, 1)
    dep.sync()
    staff = dep.enrollment("Staff")
    (device,) = api.get("dep/devices/").json
    path = f"dep/devices/{device['id']}/"
    answer = put(api, path, {"enrollment": staff})
    assert (answer.status_code, answer.json["assignment"]) == (200, "pending")
    run_jobs(dep.app)
    shown = api.get(path).json
    assert (shown["assignment"], shown["enrollment"]) == ("assigned", staff)
    assert shown["profile_uuid"] == dep.book(serial)["profile_uuid"]
    wrong = put(api, path, {"enrollment": 99})
    assert wrong.status_code == 422 and "enrollment" in wrong.json["errors"]["json"]


def test_many_are_assigned_by_id_or_by_filter(
    dep: Dep, api: Program, run_jobs: Callable[[Flask], int]
) -> None:
    fill(dep.played, 5)
    dep.sync()
    staff = dep.enrollment("Staff")
    chosen = {"enrollment": staff, "ids": [1, 2]}
    assert api.post("dep/devices/assign/", chosen).status_code == 201
    run_jobs(dep.app)
    assert len(serials(api, assignment="assigned")) == 2
    rest = {"enrollment": staff, "filter": {"assignment": "none"}, "count": 2}
    assert api.post("dep/devices/assign/", rest).status_code == 409
    assert api.post("dep/devices/assign/", {**rest, "count": 3}).status_code == 201
    run_jobs(dep.app)
    assert len(serials(api, enrollment=staff, assignment="assigned")) == 5
    assert api.post("dep/devices/assign/", {"enrollment": staff}).status_code == 422


def test_disowning_needs_its_own_permission(dep: Dep, api: Program) -> None:
    fill(dep.played, 1)
    dep.sync()
    others = program(dep.app, "mdm.view_*", "mdm.change_*")
    assert others.post("dep/devices/1/disown/").status_code == 403
    assert api.post("dep/devices/1/disown/").json == {"result": "SUCCESS"}
    assert api.post("dep/devices/1/disown/").status_code == 409
    assert serials(api, deleted="false") == []


def test_the_default_enrollment_must_be_one_of_the_server(dep: Dep, api: Program) -> None:
    staff = dep.enrollment("Staff")
    shown = put(api, "dep/virtual_servers/1/", {"default_enrollment": staff}).json
    assert shown["default_enrollment"] == staff
    wrong = put(api, "dep/virtual_servers/1/", {"default_enrollment": 99})
    assert wrong.status_code == 422
    (found,) = api.get("dep/virtual_servers/", name="MDM").json
    assert found["organization"] == "Example organization"
    assert put(api, "dep/virtual_servers/1/", {"default_enrollment": None}).status_code == 200


def test_an_enrollment_is_taken_off_by_null(dep: Dep, api: Program) -> None:
    fill(dep.played, 2)
    dep.default(dep.enrollment("Staff"))
    dep.sync()
    dep.converge()
    first, second = (one["id"] for one in api.get("dep/devices/").json)
    shown = put(api, f"dep/devices/{first}/", {"enrollment": None}).json
    assert (shown["enrollment"], shown["assignment"]) == (None, "pending")
    assert api.post("dep/devices/assign/", {"ids": [second], "enrollment": None}).status_code == 201
    dep.converge()
    assert len(serials(api, assignment="removed", profile_status="removed")) == 2


def test_a_server_is_disconnected_by_its_name(dep: Dep, api: Program) -> None:
    path = "dep/virtual_servers/1/disconnect/"
    assert api.post(path, {"name": "Other"}).status_code == 422
    shown = api.post(path, {"name": "MDM", "forget_devices": True})
    assert shown.json["connected"] is False
    dep.converge()
    assert api.get("dep/virtual_servers/1/").status_code == 404
    assert "dep_virtual_server.disconnect" in [one.action for one in audit_trail(dep.app)]
