"""Locations, assets and licences over HTTP."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.api.world import Program, audit_trail, program
from tests.books import PAGES, Shelf, serials
from zmdm_plugin.jobs import apps_books as jobs
from zmdm_simulator.apple.vpp import take

LOCATION = {
    *("id", "server_token_expiration_date", "organization_name", "name", "country_code"),
    *("library_uid", "platform", "website_url", "mdm_info_id", "created_at", "updated_at"),
}
LOCATION_ASSET = {
    *("id", "assigned_count", "available_count", "retired_count", "total_count"),
    *("created_at", "updated_at", "location", "asset"),
}


@pytest.fixture
def api(shelf: Shelf) -> Program:
    shelf.books.fill(shelf.add(total=10), serials(3))
    return program(shelf.app)


def upload(shelf: Shelf, **more: object) -> dict[str, object]:
    return {"token": base64.b64encode(shelf.tokens[-1]).decode(), **more}


def test_a_location_is_added_and_read_by_a_task(
    shelf: Shelf, api: Program, run_jobs: Callable[[Flask], int]
) -> None:
    made = api.post("locations/", upload(shelf))
    assert made.status_code == 201
    assert made.json.keys() == LOCATION
    assert (made.json["name"], made.json["country_code"]) == ("Berlin", "DE")
    run_jobs(shelf.app)
    health = api.get(f"locations/{made.json['id']}/health/").json
    assert (health["apps"], health["licences"], health["short"]) == (1, 10, 0)
    assert (health["error"], health["notification_error"], health["task_id"]) == (None, None, None)
    [found] = api.get("location_assets/", location_id=made.json["id"]).json
    assert found.keys() == LOCATION_ASSET
    assert (found["assigned_count"], found["available_count"], found["total_count"]) == (3, 7, 10)
    assert api.post("locations/", upload(shelf)).status_code == 409
    assert shelf.tokens[0].decode() not in str(audit_trail(shelf.app))


def test_a_token_that_is_none_is_the_arguments_fault(shelf: Shelf, api: Program) -> None:
    for body in ({"token": "eA=="}, {"token": base64.b64encode(b"e30=").decode()}):
        answer = api.post("locations/", body)
        assert (answer.status_code, "vpptoken" in str(answer.json)) == (422, True)
    shelf.books.revoked = True
    answer = api.post("locations/", upload(shelf))
    assert (answer.status_code, "was revoked" in str(answer.json)) == (422, True)


def test_a_location_of_another_server_is_asked_about(shelf: Shelf, api: Program) -> None:
    take(shelf.played, {"name": "Old MDM"})
    refused = api.post("locations/", upload(shelf))
    assert (refused.status_code, "Old MDM" in str(refused.json)) == (409, True)
    assert api.post("locations/", upload(shelf, take_over=True)).status_code == 201


def test_a_location_is_renewed_synced_lost_and_taken_back(shelf: Shelf, api: Program) -> None:
    one = f"locations/{shelf.location()}/"
    shelf.tokens.append(shelf.played.new_token("Berlin").encode())
    put = api.client.put(f"/api/mdm/{one}token/", headers=api.headers, json=upload(shelf))
    assert put.status_code == 200
    assert api.post(f"{one}take_over/").status_code == 409
    take(shelf.played, {"name": "New MDM"})
    assert shelf.sync().state == "failed"
    health = api.get(f"{one}health/").json
    assert (health["owner"], health["lost_at"] is None) == ("New MDM", False)
    assert api.post(f"{one}take_over/").status_code == 201
    assert api.post(f"{one}sync/", {"mode": "full"}).status_code == 409
    assert shelf.sync().state == "done"
    assert api.get(f"{one}health/").json["owner"] is None
    assert api.client.delete(f"/api/mdm/{one}", headers=api.headers).status_code == 422


def test_the_lists_are_filtered(shelf: Shelf, api: Program) -> None:
    shelf.add("2", total=1, name="Numbers")
    shelf.location()
    assert [one["name"] for one in api.get("locations/", name="Berlin").json] == ["Berlin"]
    assert api.get("locations/", organization_name="Nobody").json == []
    assert [len(page) for page in api.pages("location_assets/", limit=1)] == [1, 1]
    for query in ({"adam_id": PAGES}, {"adam_id": PAGES, "pricing_param": "STDQ"}):
        assert len(api.get("location_assets/", **query).json) == 1
    assert api.get("location_assets/", pricing_param="PLUS").json == []
    assert [one["adam_id"] for one in api.get("assets/", adam_id="2").json] == ["2"]
    assert api.get("assets/", short="true").json == []


def test_names_and_icons_come_from_the_store_and_are_kept(shelf: Shelf, api: Program) -> None:
    shelf.location()
    shelf.add("2", total=1, name="")
    shelf.sync()
    with shelf.app.app_context():
        jobs.fetch_metadata()
    pages, other = api.get("assets/").json
    assert (pages["name"], pages["bundle_id"]) == ("Pages", "com.example.pages")
    assert (pages["latest_version"], pages["has_icon"]) == ("1.0", True)
    assert "does not list it" in other["metadata_error"]
    icon = api.get(f"assets/{pages['id']}/icon/")
    assert (icon.mimetype, icon.data[:4]) == ("image/png", b"\x89PNG")
    assert api.get(f"assets/{other['id']}/icon/").status_code == 404
    assert [one["name"] for one in api.get("assets/", search="AGE").json] == ["Pages"]


def test_licences_are_assigned_and_revoked_by_a_task(
    shelf: Shelf, api: Program, run_jobs: Callable[[Flask], int]
) -> None:
    shelf.location()
    one = f"location_assets/{shelf.asset().id}/"
    assert api.post(f"{one}assign/", {"serial_numbers": ["A", "B"]}).status_code == 201
    run_jobs(shelf.app)
    shelf.work()
    assert shelf.at_apple() == ["A", "B", *serials(3)]
    assert api.post(f"{one}revoke/", {"serial_numbers": ["A", serials(1)[0]]}).status_code == 201
    run_jobs(shelf.app)
    shelf.work()
    assert shelf.at_apple() == ["B", *serials(3)[1:]]
    rows = api.get(f"{one}assignments/").json
    told = ("serial_number", "state", "ours", "scoped", "by_hand")
    assert [tuple(row[name] for name in told) for row in rows] == [
        *((serial, "assigned", False, False, False) for serial in serials(3)[1:]),
        ("B", "assigned", True, False, True),
    ]
    assert api.get(f"{one}assignments/", state="waiting").json == []
    assert [one.action for one in audit_trail(shelf.app)][-2:] == [
        "licences.assign",
        "licences.revoke",
    ]


def test_an_order_names_devices_one_way(shelf: Shelf, api: Program) -> None:
    shelf.location()
    one = f"location_assets/{shelf.asset().id}/assign/"
    assert api.post(one, {}).status_code == 422
    assert api.post(one, {"serial_numbers": ["A"], "filter": {}}).status_code == 422
    assert api.post(one, {"filter": {}}).status_code == 422
    assert api.post(one, {"filter": {}, "count": 5}).status_code == 422  # no device matches


def test_a_book_cannot_be_taken_back(shelf: Shelf, api: Program) -> None:
    shelf.add("3", total=5, product_type="Book", device_assignable=False, revocable=False)
    shelf.location()
    one = f"location_assets/{shelf.asset('3').id}/"
    for action in ("assign", "revoke"):
        assert api.post(f"{one}{action}/", {"serial_numbers": ["A"]}).status_code == 422


def test_each_operation_needs_its_permission(shelf: Shelf, api: Program) -> None:
    shelf.location()
    sees = program(shelf.app, "mdm.view_location", "mdm.view_asset", "mdm.view_locationasset")
    assert sees.get("locations/").status_code == 200
    assert sees.post("locations/", upload(shelf)).status_code == 403
    assert sees.post(f"locations/{shelf.id}/sync/").status_code == 403
    path = f"location_assets/{shelf.asset().id}/assign/"
    assert sees.post(path, {"serial_numbers": ["A"]}).status_code == 403


def test_a_location_is_deleted_by_its_name(shelf: Shelf, api: Program) -> None:
    shelf.add()
    path = f"locations/{shelf.location()}/"

    def delete(query: str = "") -> Any:
        return api.client.delete(f"/api/mdm/{path}{query}", headers=api.headers)

    for wrong in ("", "?name=Hamburg"):
        refused = delete(wrong)
        assert (refused.status_code, "type Berlin" in refused.text) == (422, True)
    assert delete("?name=Berlin").status_code == 201
    assert delete("?name=Berlin").status_code == 409
    assert api.post(f"{path}sync/", {}).status_code == 409
