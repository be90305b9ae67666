"""Columns that people choose, and exports of what the list finds."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from tests.admin.test_device_list import statements
from zmdm_plugin import Actor, db
from zmdm_plugin.admin.device_columns import COLUMNS
from zmdm_plugin.models import AuditEntry, Device
from zmdm_plugin.services import device_export
from zmdm_plugin.services.realms import accounts, realms

Post = Callable[..., Any]
LIST = "/mdm/devices/"


def heads(client: FlaskClient) -> str:
    return client.get(LIST).text.partition("<thead>")[2].partition("</thead>")[0]


def exported(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_chosen_columns_are_shown_and_others_are_not(browser: FlaskClient, post: Post) -> None:
    assert "Model" in heads(browser)
    answer = post(browser, f"{LIST}columns/?platform=iOS", column=["udid", "supervised"])
    assert answer.location == f"{LIST}?platform=iOS"
    assert "UDID" in heads(browser)
    assert "Supervised" in heads(browser)
    assert "Model" not in heads(browser)


def test_a_choice_is_ones_own(
    make_host: Callable[..., Flask], browser: FlaskClient, post: Post
) -> None:
    post(browser, f"{LIST}columns/", column="udid")
    other = make_host("mdm.*", actor=Actor(id="user:8", label="other@example.com"))
    assert "UDID" not in heads(other.test_client())


@pytest.mark.parametrize("column", [[], ["push_token"], ["\x00", "device.unlock_token"]])
def test_what_is_no_column_is_not_kept(browser: FlaskClient, post: Post, column: list[str]) -> None:
    assert post(browser, f"{LIST}columns/", column=column).status_code == 422
    assert "Serial number" in heads(browser)


def test_every_column_can_be_shown_and_exported(browser: FlaskClient, post: Post) -> None:
    assert post(browser, f"{LIST}columns/", column=list(COLUMNS)).status_code == 303
    assert heads(browser).count('scope="col"') == len(COLUMNS) + 2
    assert len(exported(post(browser, f"{LIST}export/csv/"))) == 40
    names = [name for column in COLUMNS.values() for name in column.exported]
    assert set(names) <= device_export.COLUMNS.keys()


def test_more_columns_take_no_more_statements(
    screens: Flask, browser: FlaskClient, post: Post
) -> None:
    before = statements(screens, LIST)
    post(browser, f"{LIST}columns/", column=list(COLUMNS))
    assert statements(screens, LIST) == before


def test_an_export_holds_all_that_match_and_the_columns_of_the_list(
    browser: FlaskClient, post: Post
) -> None:
    post(browser, f"{LIST}columns/", column=["serial_number", "os"])
    answer = post(browser, f"{LIST}export/csv/?platform=tvOS")
    found = exported(answer)
    assert len(found) == 6
    assert list(found[0]) == ["id", "name", "serial_number", "platform", "os_version", "tags"]
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="devices-')


def test_an_export_of_all_columns_as_json_lines(browser: FlaskClient, post: Post) -> None:
    answer = post(browser, f"{LIST}export/jsonl/?columns=all")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert len(lines) == 40
    assert lines[0].keys() == device_export.COLUMNS.keys()


def test_an_export_is_in_the_audit(screens: Flask, browser: FlaskClient, post: Post) -> None:
    post(browser, f"{LIST}export/csv/?state=blocked")
    with screens.app_context():
        entry = db.session().scalars(sa.select(AuditEntry)).one()
        assert (entry.action, entry.reason) == ("device.export", "csv: state=blocked")


@pytest.mark.parametrize(("path", "status"), [("xls/", 404), ("csv/?seen_after=never", 422)])
def test_an_export_that_cannot_be_is_refused(
    browser: FlaskClient, post: Post, path: str, status: int
) -> None:
    assert post(browser, f"{LIST}export/{path}").status_code == status


def test_an_export_keeps_to_the_row_scope(
    make_host: Callable[..., Flask], screens: Flask, post: Post
) -> None:
    host = make_host("mdm.*", row_scope=lambda _actor, _permission: Device.platform == "macOS")
    found = exported(post(host.test_client(), f"{LIST}export/csv/"))
    assert {row["platform"] for row in found} == {"macOS"}
    assert len(found) < 40


def test_people_are_a_column_and_a_filter(screens: Flask, browser: FlaskClient, post: Post) -> None:
    with screens.app_context(), db.transaction() as session:
        lab = realms.create("Lab", "local")
        person = accounts.create(
            lab, {"username": "ada", "email": "ada@example.com"}, password="correct horse"
        )
        device = session.scalars(sa.select(Device).order_by(Device.id)).first()
        assert device is not None
        device.realm_user_id, name = person.id, device.name
    post(browser, f"{LIST}columns/", column="realm_user")
    for query in ("?person=ada", "?person=ada@example.com"):
        page = browser.get(f"{LIST}{query}").text
        assert 'href="/mdm/people/1/">ada</a>' in page and str(name) in page
        assert page.count("<tr>") == 2
    assert "No device" in browser.get(f"{LIST}?person=bob").text
    (row,) = exported(post(browser, f"{LIST}export/csv/?person=ada"))
    assert (row["realm_user"], row["email"]) == ("ada", "ada@example.com")
