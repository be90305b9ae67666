"""GET /api/mdm/devices/export/: the columns that were asked for, of what the filter finds."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests import fleet
from tests.api.world import (
    Program,
    add_device,
    audit_trail,
    program,
    statements,
)
from zmdm_plugin.models import Device
from zmdm_plugin.services import device_export

PATH = "devices/export/"


def lines(api: Program, **query: Any) -> list[dict[str, Any]]:
    answer = api.get(PATH, **query)
    assert answer.status_code == 200, answer.json
    assert answer.mimetype == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


def table(api: Program, **query: Any) -> list[list[str]]:
    answer = api.get(PATH, format="csv", **query)
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    return list(csv.reader(io.StringIO(answer.text)))


def test_the_chosen_columns_come_in_the_order_asked_for(app: Flask, api: Program) -> None:
    add_device(app, 1)
    add_device(app, 2, blocked_at=None, enrolled_at=None, enrolled=False)
    assert table(api, columns="serial_number,state,id") == [
        ["serial_number", "state", "id"],
        ["SERIAL0001", "enrolled", "1"],
        ["SERIAL0002", "never", "2"],
    ]


KEPT = {f"{name}_escrowed" for name in ("filevault_prk", "recovery_password", "admin_password")}
"""What the device's row does not say by itself: false in one place, nothing in the other."""


def test_without_a_choice_every_column_comes(any_app: Flask) -> None:
    add_device(any_app)
    (line,) = lines(program(any_app))
    assert list(line) == list(device_export.COLUMNS)
    assert line["last_seen_at"] == "2026-01-02T03:04:05.678901Z"
    assert (line["cert_not_valid_after"], line["filevault_prk_escrowed"]) == (
        "2027-01-02T03:04:05.678901Z",
        False,
    )


def test_a_column_says_what_the_field_of_the_device_says(app: Flask, api: Program) -> None:
    shown = api.get(f"devices/{add_device(app)}/").json
    (line,) = lines(api)
    shared = (set(shown) & set(line)) - {"tags", *KEPT}
    assert len(shared) > 40
    assert {name: line[name] for name in shared} == {name: shown[name] for name in shared}


def test_tags_are_named(app: Flask, api: Program) -> None:
    device_id = add_device(app)
    for name in ("Lab", "berlin"):
        api.post("tags/", {"name": name})
    tagged = {"headers": api.headers, "json": {"tags": ["Lab", "berlin"]}}
    answer = api.client.put(f"/api/mdm/devices/{device_id}/tags/", **tagged)
    assert answer.status_code == 200, answer.json
    assert lines(api, columns="tags") == [{"tags": ["berlin", "Lab"]}]
    assert table(api, columns="tags") == [["tags"], ["berlin, Lab"]]


def test_the_filter_of_the_list_is_the_filter_of_the_export(app: Flask, api: Program) -> None:
    add_device(app, 1)
    add_device(app, 2, platform="iOS", name="Phone")
    asked = {"platform": "iOS", "search": "phone", "columns": "id"}
    assert lines(api, **asked) == [{"id": 2}]
    assert lines(api, search="nothing like it") == []


def test_more_than_a_batch_comes_whole_and_with_few_statements(app: Flask, api: Program) -> None:
    fleet.fill(app, 2500)
    api.get(PATH, columns="id")
    with statements(app) as seen:
        found = lines(api, columns="id,tags")
    assert [line["id"] for line in found] == list(range(1, 2501))
    assert len([one for one in seen if "zmdm_device.id" in one]) <= 7


def test_no_cell_is_a_formula(app: Flask, api: Program) -> None:
    add_device(app, name='=HYPERLINK("https://example.com")')
    assert table(api, columns="name")[1][0].startswith("'=")


@pytest.mark.parametrize(
    "query",
    [
        {"columns": "id,unlock_token"},
        {"columns": ""},
        {"format": "xlsx"},
        {"limit": "5"},
        {"colour": "red"},
    ],
)
def test_what_it_does_not_know_is_a_422_that_names_it(api: Program, query: dict[str, str]) -> None:
    answer = api.get(PATH, **query)
    assert (answer.status_code, list(answer.json["errors"]["query"])) == (422, list(query))


def test_no_secret_is_a_column() -> None:
    sealed = {c.key for c in Device.__table__.columns if "sealed" in c.info}
    assert sealed and not sealed & set(device_export.COLUMNS)


def test_an_export_is_in_the_audit_with_what_was_asked(app: Flask, api: Program) -> None:
    api.get(PATH, format="csv", platform="tvOS")
    (entry,) = audit_trail(app)
    assert (entry.action, entry.reason) == ("device.export", "csv: platform=tvOS")


def test_rows_of_others_are_left_out(ruled_host: Callable[..., Flask]) -> None:
    app = ruled_host(
        authorize=lambda *_: True, row_scope=lambda *_: Device.serial_number == "SERIAL0002"
    )
    for number in (1, 2):
        add_device(app, number)
    assert lines(program(app), columns="serial_number") == [{"serial_number": "SERIAL0002"}]


def test_it_needs_the_permission_to_see_devices(app: Flask) -> None:
    assert program(app, "mdm.view_tag").get(PATH).status_code == 403
