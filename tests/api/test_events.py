"""Events over HTTP: found by filter, page by page, and exported whole."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.api.world import Program, add_device, program, statements
from tests.orders import order, quiet
from tests.road import Road
from zmdm_plugin import db
from zmdm_plugin.models import AuditEntry, Device
from zmdm_plugin.services import events


def write(app: Flask, kind: str, *, number: int = 1, device: int | None = None) -> None:
    payloads = {"device.enrolled": {}, "device.returned": {}, "realm.changed": {"name": "Staff"}}
    with app.app_context(), db.transaction():
        for _ in range(number):
            events.record(kind, device=device, **payloads[kind])


def kinds(api: Program, **query: object) -> list[str]:
    answer = api.get("events/", **query)
    assert answer.status_code == 200, answer.json
    return [event["kind"] for event in answer.json]


def test_events_come_newest_first_and_page_by_page(app: Flask, api: Program) -> None:
    write(app, "device.enrolled", number=25)
    pages = list(api.pages("events/", limit=10, kind="device.enrolled"))
    assert [len(page) for page in pages] == [10, 10, 5]
    ids = [event["id"] for page in pages for event in page]
    assert ids == sorted(ids, reverse=True)


def test_kinds_that_begin_alike_are_asked_for_at_once(app: Flask, api: Program) -> None:
    for kind in ("device.enrolled", "realm.changed", "device.returned"):
        write(app, kind)
    assert kinds(api, kind="device.*") == ["device.returned", "device.enrolled"]
    assert kinds(api, kind="nothing.*") == []


def test_text_finds_the_events_of_the_devices_that_have_it(app: Flask, api: Program) -> None:
    device = add_device(app, serial_number="C02FINDME", name="Ada's Mac")
    write(app, "device.enrolled", device=device)
    write(app, "device.returned")
    assert kinds(api, search="FINDME") == kinds(api, search="ada") == ["device.enrolled"]
    assert kinds(api, search="nobody has this") == []


def test_what_a_request_caused_is_found_by_its_id(app: Flask, api: Program) -> None:
    made = api.post("realms/", {"name": "Staff", "backend": "local"})
    assert api.post("realms/", {"name": "Guests", "backend": "local"}).status_code == 201
    assert kinds(api, request=made.headers["X-Request-Id"]) == ["realm.created"]
    assert kinds(api, request="nothing") == []


def test_what_a_device_did_in_a_request_is_found_with_the_device(road: Road) -> None:
    mac, api = quiet(road, road.enrolled()), program(road.app)
    order(road, mac, "RestartDevice")
    mac.connect()
    device = road.row_id(mac)
    sent = api.get("events/", kind="command.sent", device=device, limit=1).json[0]
    assert "command.sent" in kinds(api, request=sent["request_id"], device=device)
    assert kinds(api, request=sent["request_id"]) == []


def test_what_somebody_did_is_found_by_their_name(app: Flask, api: Program) -> None:
    assert api.post("realms/", {"name": "Staff", "backend": "local"}).status_code == 201
    write(app, "device.enrolled")
    (event,) = api.get("events/", actor="admin@example.com").json
    assert (event["kind"], event["actor_id"]) == ("realm.created", "user:1")
    assert kinds(api, actor="user:1") == ["realm.created"]


def test_an_event_names_the_request_that_its_answer_named(api: Program) -> None:
    made = api.post("realms/", {"name": "Staff", "backend": "local"})
    (event,) = api.get("events/", kind="realm.created").json
    assert event["request_id"] == made.headers["X-Request-Id"]
    assert api.get(f"events/{event['id']}/").json == event


def test_an_export_holds_all_pages_and_stands_in_the_audit(app: Flask, api: Program) -> None:
    device = add_device(app, serial_number="C02EXPORT")
    write(app, "device.enrolled", number=510, device=device)
    answer = api.get("events/export/", format="csv", kind="device.enrolled")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 510 and {row["serial_number"] for row in rows} == {"C02EXPORT"}
    with app.app_context():
        entry = db.session().scalar(
            sa.select(AuditEntry).where(AuditEntry.action == "event.export")
        )
        assert entry is not None and entry.reason == "csv: kind=device.enrolled"


def test_a_page_costs_as_many_statements_however_many_devices(app: Flask, api: Program) -> None:
    for number in range(20):
        write(app, "device.enrolled", device=add_device(app, number))
    kinds(api)  # the token's first use is written down
    with statements(app) as few:
        kinds(api, limit=2)
    with statements(app) as many:
        kinds(api, limit=20)
    assert len(few) == len(many)


def test_a_row_scope_narrows_events_to_its_devices(ruled_host: Callable[..., Flask]) -> None:
    app = ruled_host(
        authorize=lambda *_: True, row_scope=lambda *_: Device.serial_number == "C02MINE"
    )
    for number, serial in enumerate(("C02MINE", "C02OTHER")):
        write(app, "device.enrolled", device=add_device(app, number, serial_number=serial))
    write(app, "realm.changed")
    (event,) = program(app).get("events/").json
    assert event["serial_number"] == "C02MINE"


@pytest.mark.parametrize(
    "query", [{"device": 0}, {"created_after": "yesterday"}, {"colour": "red"}]
)
def test_what_cannot_be_asked_is_named(api: Program, query: dict[str, object]) -> None:
    answer = api.get("events/", **query)
    assert answer.status_code == 422 and set(answer.json["errors"]["query"]) == set(query)
