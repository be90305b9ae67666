"""The audit over HTTP: found by filter, page by page, and exported whole."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.api.world import Program, add_device, program, reading, statements
from tests.hosts import ADMINISTRATOR
from zmdm_plugin import Actor, db
from zmdm_plugin.models import AuditEntry, Device
from zmdm_plugin.services import audit_log

CLERK = Actor(id="user:7", label="clerk")


def add_entries(app: Flask, number: int, **values: Any) -> None:
    """Rows as `audit.record` writes them."""
    with app.app_context(), db.transaction() as session:
        for count in range(number):
            given = {
                "created_at": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=count),
                "actor_id": "user:1",
                "actor_label": "admin@example.com",
                "actor_kind": "user",
                "action": "test.count",
                "object_type": "",
                **values,
            }
            session.add(AuditEntry(**given))


def found(api: Program, **query: Any) -> list[str]:
    answer = api.get("audit/", **query)
    assert answer.status_code == 200, answer.json
    return [entry["action"] for entry in answer.json]


def test_entries_come_newest_first_and_page_by_page(app: Flask, api: Program) -> None:
    add_entries(app, 25)
    pages = list(api.pages("audit/", limit=10, action="test.count"))
    assert [len(page) for page in pages] == [10, 10, 5]
    ids = [entry["id"] for page in pages for entry in page]
    assert ids == sorted(ids, reverse=True)


def test_pages_stay_the_same_while_others_write(app: Flask, api: Program) -> None:
    add_entries(app, 20)
    pages = api.pages("audit/", limit=10, action="test.count")
    first = next(pages)
    add_entries(app, 5)
    (second,) = pages
    assert len({entry["id"] for entry in [*first, *second]}) == 20


@pytest.mark.parametrize(
    ("query", "hits"),
    [
        ({"actor": "user:7"}, 1),
        ({"actor": "clerk"}, 1),
        ({"actor": "cler"}, 0),
        ({"token": 5}, 1),
        ({"action": "test.one"}, 1),
        ({"action": "test.two"}, 0),
        ({"object_type": "device", "object_id": 3}, 1),
        ({"device": 3}, 1),
        ({"serial_number": "C02"}, 1),
        ({"source_ip": "203.0.113.9"}, 1),
        ({"created_after": "2026-02-01T00:00:00Z", "created_before": "2026-02-02T00:00:00Z"}, 1),
        ({"created_after": "2026-02-02T00:00:00Z", "created_before": "2026-02-03T00:00:00Z"}, 0),
    ],
)
def test_each_filter_finds(app: Flask, api: Program, query: dict[str, Any], hits: int) -> None:
    add_entries(app, 3)
    add_entries(
        app,
        1,
        action="test.one",
        actor_id=CLERK.id,
        actor_label=CLERK.label,
        token_id=5,
        object_type="device",
        object_id=3,
        device_id=3,
        serial_number="C02",
        source_ip="203.0.113.9",
        created_at=datetime(2026, 2, 1, 12, tzinfo=UTC),
    )
    assert found(api, **query) == ["test.one"] * hits


def test_what_a_token_did_is_found_by_its_owner(app: Flask, api: Program) -> None:
    api.post(f"devices/{add_device(app)}/block/")
    (entry,) = api.get("audit/", actor=ADMINISTRATOR.id, action="device.block").json
    assert (entry["actor_label"], entry["actor_kind"]) == (ADMINISTRATOR.label, "token")
    assert entry["token_name"] == "test" and entry["token_id"] == 1


def test_a_command_is_found_by_its_device(app: Flask, api: Program) -> None:
    device_id = add_device(app)
    api.post(f"devices/{device_id}/commands/DeviceInformation/")
    (entry,) = api.get("audit/", device=device_id).json
    assert (entry["action"], entry["serial_number"]) == ("command.queue", "SERIAL0001")


def test_one_entry_by_its_id(app: Flask, api: Program) -> None:
    add_entries(app, 1, reason="because", before={"a": 1}, after={"a": "changed"})
    (entry,) = api.get("audit/", action="test.count").json
    shown = api.get(f"audit/{entry['id']}/").json
    assert (shown["reason"], shown["before"], shown["after"]) == (
        "because",
        {"a": 1},
        {"a": "changed"},
    )
    assert api.get("audit/999/").status_code == 404


def test_seeing_the_audit_needs_its_permission(app: Flask) -> None:
    reader = program(app, "mdm.view_enrolleddevice")
    for path in ("audit/", "audit/1/", "audit/export/"):
        assert reader.get(path).status_code == 403


def test_a_row_scope_leaves_its_devices_and_ones_own(ruled_host: Callable[..., Flask]) -> None:
    app = ruled_host(
        authorize=lambda *_: True,
        row_scope=lambda actor, _: Device.platform == "tvOS" if actor == CLERK else None,
    )
    mac, television = add_device(app, 1), add_device(app, 2, platform="tvOS")
    everything = program(app)
    for device_id in (mac, television):
        everything.post(f"devices/{device_id}/block/")
    clerk = program(app, owner=CLERK)
    seen = clerk.get("audit/").json
    assert [(entry["action"], entry["device_id"]) for entry in seen] == [
        ("device.block", television)
    ]
    hidden = everything.get("audit/", device=mac).json[0]["id"]
    assert clerk.get(f"audit/{hidden}/").status_code == 404


def test_json_lines_hold_every_entry_the_oldest_first(app: Flask, api: Program) -> None:
    add_entries(app, 1201)
    answer = api.get("audit/export/", action="test.count")
    assert answer.content_type == "application/x-ndjson"
    entries = [json.loads(line) for line in answer.text.splitlines()]
    assert len(entries) == 1201
    assert [entry["id"] for entry in entries] == sorted(entry["id"] for entry in entries)
    assert entries[0]["created_at"] == "2026-01-01T00:00:00.000000Z"


def test_an_export_of_everything_ends_with_itself(app: Flask, api: Program) -> None:
    add_entries(app, 2)
    lines = [json.loads(line) for line in api.get("audit/export/").text.splitlines()]
    assert lines[-1]["action"] == "audit.export"
    assert lines[-1]["reason"] == "jsonl: everything"


def test_csv_reads_back_with_a_spreadsheets_reader(app: Flask, api: Program) -> None:
    add_entries(app, 2, reason='says "no",\nthen yes', after={"name": "x"})
    answer = api.get("audit/export/", format="csv", action="test.count")
    assert answer.content_type.startswith("text/csv")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="audit-')
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert len(rows) == 2 and set(rows[0]) == set(audit_log.COLUMNS)
    assert rows[0]["reason"] == 'says "no",\nthen yes'
    assert json.loads(rows[0]["after"]) == {"name": "x"}


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_taken_for_a_formula(app: Flask, api: Program, begin: str) -> None:
    add_entries(app, 1, user_agent=f"{begin}cmd|' /C calc'!A0")
    text = api.get("audit/export/", format="csv", action="test.count").text
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row["user_agent"] == f"'{begin}cmd|' /C calc'!A0"


def test_an_export_takes_a_statement_per_batch(app: Flask, api: Program) -> None:
    add_entries(app, 1001)
    with statements(app) as ran:
        assert len(api.get("audit/export/", action="test.count").text.splitlines()) == 1001
    assert len([sql for sql in ran if "FROM zmdm_audit_entry" in sql]) == 3


def test_entries_are_never_changed(app: Flask) -> None:
    add_entries(app, 1)
    with app.app_context(), pytest.raises(RuntimeError, match="never"), db.transaction() as session:
        entry = session.scalars(sa.select(AuditEntry)).one()
        entry.reason = "something else"
    with reading(app) as session:
        assert session.scalars(sa.select(AuditEntry)).one().reason is None


@pytest.mark.parametrize("query", [{"device": 0}, {"created_after": "today"}, {"format": "xml"}])
def test_a_senseless_export_is_a_422(api: Program, query: dict[str, Any]) -> None:
    assert api.get("audit/export/", **query).status_code == 422


@pytest.mark.parametrize("ordering", ["id", "-id", "created_at", "-created_at"])
def test_pages_of_every_ordering_are_complete(app: Flask, api: Program, ordering: str) -> None:
    add_entries(app, 23)
    pages = api.pages("audit/", limit=5, action="test.count", ordering=ordering)
    moments = [entry["created_at"] for page in pages for entry in page]
    assert len(moments) == 23
    assert moments == sorted(moments, reverse=ordering.startswith("-"))
