"""GET /api/mdm/devices/: what it shows, finds, sorts and refuses."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from tests import fleet
from tests.api.world import (
    LONG_AGO,
    Program,
    add_device,
    add_user_channel,
    program,
    statements,
)
from zmdm_plugin import db
from zmdm_plugin.models import Channel

DOCUMENTED = {
    *("id", "udid", "serial_number", "name", "model", "platform", "os_version", "build_version"),
    *("apple_silicon", "cert_not_valid_after", "blueprint", "awaiting_configuration"),
    *("declarative_management", "dep_enrollment", "user_enrollment", "user_approved_enrollment"),
    *("supervised", "bootstrap_token_escrowed", "filevault_enabled", "filevault_prk_escrowed"),
    *("activation_lock_manageable", "last_seen_at", "last_notified_at", "checkout_at"),
    *("blocked_at", "created_at", "updated_at"),
}


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.json
    return [device["name"] for device in answer.json]


def test_a_device_has_every_documented_field(app: Flask, api: Program) -> None:
    device_id = add_device(app)
    (device,) = api.get("devices/").json
    assert set(device) >= DOCUMENTED
    assert (device["id"], device["udid"], device["apple_silicon"]) == (device_id, "UDID-1", False)


AS_DOCUMENTED: dict[str, Any] = {
    "udid": "2A7F9BCE-9B52-4073-BE21-E419C85068E9",
    "serial_number": "012345678910",
    "name": "John’s Mac mini",
    "model": "Macmini8,1",
    "platform": "macOS",
    "os_version": "14.2.1",
    "build_version": "23C71",
    "apple_silicon": False,
    "awaiting_configuration": False,
    "declarative_management": True,
    "dep_enrollment": True,
    "user_enrollment": False,
    "user_approved_enrollment": True,
    "supervised": True,
    "bootstrap_token_escrowed": True,
    "filevault_enabled": True,
    "activation_lock_manageable": True,
}


def test_the_documented_device_looks_as_it_is_documented(app: Flask, api: Program) -> None:
    facts = AS_DOCUMENTED
    device_id = add_device(app, **facts)
    moments = {"last_seen_at", "last_notified_at", "created_at", "updated_at"}
    shown = api.get(f"devices/{device_id}/").json
    assert {name: shown[name] for name in facts} == facts
    assert all(shown[name].endswith("Z") for name in {*moments, "cert_not_valid_after"})
    others = {"blueprint", "checkout_at", "blocked_at", "filevault_prk_escrowed", "id"}
    assert {name: shown[name] for name in others} == {
        **dict.fromkeys(("blueprint", "checkout_at", "blocked_at")),
        "filevault_prk_escrowed": False,
        "id": device_id,
    }
    assert DOCUMENTED == {*facts, *moments, *others, "cert_not_valid_after"}


def test_a_device_tells_its_tags_by_id_and_name(app: Flask, api: Program) -> None:
    device_id, other = add_device(app, 1), add_device(app, 2)
    made = [api.post("tags/", {"name": name}).json for name in ("Loaner pool", "Berlin")]
    tagged = {"headers": api.headers, "json": {"tags": ["Loaner pool", "Berlin"]}}
    api.client.put(f"/api/mdm/devices/{device_id}/tags/", **tagged)
    expected = [{"id": one["id"], "name": one["name"]} for one in reversed(made)]
    assert [device["tags"] for device in api.get("devices/").json] == [expected, []]
    assert api.get(f"devices/{device_id}/").json["tags"] == expected
    assert api.post(f"devices/{other}/block/").json["tags"] == []


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({}, "enrolled"),
        ({"enrolled": False}, "never"),
        ({"checkout_at": LONG_AGO}, "checked_out"),
        ({"checkout_at": LONG_AGO, "blocked_at": LONG_AGO}, "blocked"),
    ],
)
def test_a_device_tells_its_state(
    app: Flask, api: Program, facts: dict[str, Any], state: str
) -> None:
    assert api.get(f"devices/{add_device(app, **facts)}/").json["state"] == state


def test_times_are_rfc_3339_in_utc(app: Flask, api: Program) -> None:
    add_device(app)
    (device,) = api.get("devices/").json
    assert device["last_seen_at"] == device["last_notified_at"] == "2026-01-02T03:04:05.678901Z"
    assert device["cert_not_valid_after"] == "2027-01-02T03:04:05.678901Z"
    assert datetime.fromisoformat(device["created_at"]).utcoffset() is not None


@pytest.mark.parametrize(
    "query",
    [
        {"serial_number": "SERIAL0002"},
        {"udid": "UDID-2"},
        {"platform": "iPadOS"},
        {"blocked": "true"},
        {"enrolled": "false"},
        {"last_seen_after": "2026-05-01T00:00:00+02:00"},
        {"user_short_name": "jane"},
        {"state": "blocked"},
        {"os_version": "17.4"},
        {"search": "ipad o"},
        {"search": "jAn"},
    ],
)
def test_filters_find_the_one_that_is_asked_for(
    app: Flask, api: Program, query: dict[str, str]
) -> None:
    add_device(app, 1)
    late = LONG_AGO.replace(month=6)
    special = add_device(
        app,
        2,
        name="iPad of Jane",
        platform="iPadOS",
        os_version="17.4",
        blocked_at=late,
        seen_hour=late,
    )
    see(app, special, late)
    add_user_channel(app, special, "jane")
    assert names(api.get("devices/", **query)) == ["iPad of Jane"]


def test_devices_are_found_by_their_blueprint(app: Flask, api: Program) -> None:
    made = api.post("blueprints/", {"name": "Standard"}).json["id"]
    for number in (1, 2):
        add_device(app, number, blueprint_id=made if number == 2 else None)
    assert [one["blueprint"] for one in api.get("devices/").json] == [None, made]
    assert names(api.get("devices/", blueprint=made)) == ["Mac 2"]
    assert api.get("devices/count/", blueprint=made).json["count"] == 1
    assert api.get("devices/", blueprint=2**63).status_code == 422


def test_seen_before_leaves_out_who_was_never_seen(app: Flask, api: Program) -> None:
    add_device(app, 1)
    never = add_device(app, 2, seen_hour=None)
    see(app, never, None)
    assert names(api.get("devices/", last_seen_before="2026-02-01T00:00:00Z")) == ["Mac 1"]


@pytest.mark.parametrize(
    "spelled", ["SERIAL0002", "serial0002", " SERIAL0002 ", "UDID-2", "udid-2"]
)
def test_a_whole_serial_number_or_udid_finds_its_device_at_once(
    any_app: Flask, spelled: str
) -> None:
    add_device(any_app, 1, name="once called SERIAL0002 UDID-2")
    add_device(any_app, 2)
    api = program(any_app)
    with statements(any_app) as seen:
        assert names(api.get("devices/", search=spelled)) == ["Mac 2"]
    assert not [one for one in seen if " LIKE " in one]


def test_part_of_a_serial_number_finds_all_that_have_it(any_app: Flask) -> None:
    for number in (1, 2):
        add_device(any_app, number)
    assert names(program(any_app).get("devices/", search="rial000")) == ["Mac 1", "Mac 2"]


def test_a_search_that_many_match_goes_on_from_page_to_page(any_app: Flask) -> None:
    fleet.fill(any_app, 1100)
    add_device(any_app, 5000, name=None, serial_number="OTHER")
    pages = program(any_app).pages("devices/", limit=500, search="c02", ordering="-name")
    found = [device["id"] for page in pages for device in page]
    assert len(found) == len(set(found)) == 1100


def test_a_percent_sign_in_the_search_is_a_percent_sign(app: Flask, api: Program) -> None:
    add_device(app, 1)
    add_device(app, 2, name="100 % Mac")
    assert names(api.get("devices/", search="%")) == ["100 % Mac"]


@pytest.mark.parametrize("ordering", ["id", "-id", "name", "-name", "last_seen", "-platform"])
def test_pages_show_every_device_once_whatever_the_ordering(any_app: Flask, ordering: str) -> None:
    for number in range(1, 8):
        unnamed = number in (2, 5, 6)
        add_device(
            any_app,
            number,
            name=None if unnamed else f"Mac {number % 3}",
            seen_hour=None if unnamed else LONG_AGO.replace(day=1 + number // 2),
            platform=None if unnamed else ("macOS", "tvOS")[number % 2],
        )
    pages = list(program(any_app).pages("devices/", limit=2, ordering=ordering))
    ids = [device["id"] for page in pages for device in page]
    assert [len(page) for page in pages] == [2, 2, 2, 1]
    assert sorted(ids) == sorted(set(ids)) and len(ids) == 7


def test_an_ordering_is_kept_and_rows_without_a_value_come_last(any_app: Flask) -> None:
    for number, name in enumerate(["b", None, "a", "c"], 1):
        add_device(any_app, number, name=name)
    api = program(any_app)
    assert names(api.get("devices/", ordering="name")) == ["a", "b", "c", None]
    assert names(api.get("devices/", ordering="-name")) == ["c", "b", "a", None]


def test_a_page_stays_where_it_was_while_devices_come(app: Flask, api: Program) -> None:
    for number in (1, 2, 3):
        add_device(app, number)
    pages = api.pages("devices/", limit=2, ordering="-id")
    assert [device["name"] for device in next(pages)] == ["Mac 3", "Mac 2"]
    add_device(app, 4)
    assert [device["name"] for device in next(pages)] == ["Mac 1"]


def test_the_last_page_names_no_next_one(app: Flask, api: Program) -> None:
    add_device(app)
    answer = api.get("devices/", limit=1)
    assert 'rel="next"' not in answer.headers["Link"]
    assert answer.headers["X-Pagination"] == '{"limit": 1, "count": 1, "next_cursor": null}'


def test_links_lead_to_the_configured_address_and_keep_the_filters(
    app: Flask, api: Program
) -> None:
    add_device(app, 1)
    add_device(app, 2)
    link = api.get("devices/", limit=1, platform="macOS").headers["Link"]
    assert "<https://mdm.example.com/api/mdm/devices/?limit=1&platform=macOS&cursor=" in link


def test_a_list_takes_as_many_statements_for_thirty_devices_as_for_one(
    app: Flask, api: Program
) -> None:
    add_device(app, 1)
    api.get("devices/")
    with statements(app) as for_one:
        api.get("devices/")
    for number in range(2, 31):
        add_device(app, number)
    with statements(app) as for_thirty:
        assert len(api.get("devices/").json) == 30
    assert len(for_thirty) == len(for_one) == 3, for_thirty


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=1&limit=2", "limit"),
        ("serial=1", "serial"),
        ("serial_number=", "serial_number"),
        ("search=%00", "search"),
        ("platform=Windows", "platform"),
        ("blocked=perhaps", "blocked"),
        ("ordering=serial_number;drop", "ordering"),
        ("last_seen_after=2026-01-01T00:00:00", "last_seen_after"),
        ("last_seen_after=0001-01-01T00:00:00%2B14:00", "last_seen_after"),
        ("cursor=abc", "cursor"),
        ("cursor=WyJuYW1lIiwiYSIsMV0", "cursor"),
        ("cursor=WyJpZCIsbnVsbCw5OTk5OTk5OTk5OTk5OTk5OTk5OV0", "cursor"),
        ("cursor=WyJpZCIsbnVsbCx0cnVlXQ", "cursor"),
    ],
)
def test_a_bad_argument_is_a_422_that_names_it(api: Program, query: str, field: str) -> None:
    answer = api.client.get(f"/api/mdm/devices/?{query}", headers=api.headers)
    assert answer.status_code == 422
    assert list(answer.json["errors"]["query"]) == [field]


def test_the_users_of_a_device_are_listed_apart_from_its_own_channel(
    app: Flask, api: Program
) -> None:
    device_id = add_device(app)
    for name in ("jane", "john"):
        add_user_channel(app, device_id, name)
    shown = api.get(f"devices/{device_id}/users/").json
    assert [user["user_short_name"] for user in shown] == ["jane", "john"]
    assert len(api.get(f"devices/{device_id}/channels/").json) == 3
    only = api.get(f"devices/{device_id}/users/", user_short_name="john", active="true").json
    assert [user["user_short_name"] for user in only] == ["john"]
    assert api.get(f"devices/{device_id}/users/", active="false").json == []


def see(app: Flask, device_id: int, at: datetime | None) -> None:
    """Let a device have been seen at this time."""
    with app.app_context(), db.transaction() as session:
        channel = Channel.__table__
        session.execute(
            sa.update(channel).where(channel.c.device_id == device_id).values(last_seen_at=at)
        )
