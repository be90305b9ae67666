"""The audit on screens: found, followed, exported, and hidden where a host narrows it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from tests import fleet
from tests.api.world import statements
from zmdm_plugin import db
from zmdm_plugin.models import AuditEntry, Device


def block(post: Callable, browser: FlaskClient, device_id: int = 1) -> None:
    assert post(browser, f"/mdm/devices/{device_id}/do/", do="block").status_code == 303


def test_an_action_is_found_by_who_what_and_serial_number(
    screens: Flask, browser: FlaskClient, post: Callable
) -> None:
    block(post, browser)
    with screens.app_context():
        serial = db.session().get_one(Device, 1).serial_number
    for query in (
        "actor=somebody@example.com",
        "actor=user:7",
        "action=device.block",
        f"serial_number={serial}",
        "device=1",
        "created_after=2020-01-01&created_before=2100-01-01",
    ):
        assert "/mdm/audit/1/" in browser.get(f"/mdm/audit/?{query}").text, query
    for query in (
        "actor=somebody",
        "action=device.unblock",
        "device=2",
        "created_after=2100-01-01",
    ):
        assert "No entry matches" in browser.get(f"/mdm/audit/?{query}").text, query


@pytest.mark.parametrize("query", ["created_after=today", "device=x", "created_after=9999-12-31"])
def test_what_cannot_be_read_is_said(browser: FlaskClient, query: str) -> None:
    assert browser.get(f"/mdm/audit/?{query}").status_code == 200


def test_an_entry_shows_what_was_before_and_after(
    screens: Flask, browser: FlaskClient, post: Callable
) -> None:
    block(post, browser)
    page = browser.get("/mdm/audit/1/").text
    assert "Blocked at" in page and "somebody@example.com" in page and "127.0.0.1" in page
    assert browser.get("/mdm/audit/99/").status_code == 404


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_an_export_holds_what_is_shown_and_is_written_down(
    screens: Flask, browser: FlaskClient, post: Callable, kind: str
) -> None:
    block(post, browser)
    answer = post(browser, f"/mdm/audit/export/{kind}/?action=device.block")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "Content-Security-Policy" in answer.headers
    assert len(answer.text.splitlines()) == (2 if kind == "csv" else 1)
    with screens.app_context():
        last = db.session().scalars(sa.select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert last is not None and last.reason == f"{kind}: action=device.block"


def test_json_lines_are_json(browser: FlaskClient, post: Callable) -> None:
    block(post, browser)
    (line,) = post(browser, "/mdm/audit/export/jsonl/?device=1").text.splitlines()
    assert json.loads(line)["action"] == "device.block"


def test_there_are_no_other_forms_of_export(browser: FlaskClient, post: Callable) -> None:
    assert post(browser, "/mdm/audit/export/xml/").status_code == 404


def test_a_row_scope_hides_entries_about_other_devices(
    make_host: Callable[..., Flask], post: Callable
) -> None:
    everything = make_host("mdm.*")
    fleet.fill(everything, 3)
    block(post, everything.test_client(), 1)
    narrowed = make_host("mdm.*", row_scope=lambda *_: Device.id == 2)
    with narrowed.app_context(), db.transaction() as session:
        session.execute(sa.update(AuditEntry).values(actor_id="user:8"))
    client = narrowed.test_client()
    assert "No entry matches" in client.get("/mdm/audit/?device=1").text
    assert client.get("/mdm/audit/1/").status_code == 404


def test_pages_follow_one_another(screens: Flask, browser: FlaskClient, post: Callable) -> None:
    with screens.app_context(), db.transaction() as session:
        values = {"actor_id": "u", "actor_label": "u", "actor_kind": "user", "object_type": ""}
        now = sa.func.current_timestamp()
        entry = {"created_at": now, "action": "test", **values}
        session.execute(sa.insert(AuditEntry).values([entry] * 60))
    first = browser.get("/mdm/audit/").text
    assert "50 entries shown" in first and "Next page" in first
    cursor = first.split("cursor=")[1].split('"')[0]
    assert "10 entries shown" in browser.get(f"/mdm/audit/?cursor={cursor}").text
    assert "50 entries shown" in browser.get("/mdm/audit/?cursor=nonsense").text


def test_the_list_takes_the_same_statements_whatever_its_size(
    screens: Flask, browser: FlaskClient, post: Callable
) -> None:
    def count(path: str) -> int:
        with statements(screens) as ran:
            browser.get(path)
        return len(ran)

    block(post, browser)
    before = count("/mdm/audit/?actor=user:7")
    for device_id in range(2, 12):
        post(browser, f"/mdm/devices/{device_id}/do/", do="poke")
    assert count("/mdm/audit/?actor=user:7") == before <= 8
