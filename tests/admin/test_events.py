"""The screen of events: found by kind, device, actor and day, and exported as it is shown."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from zmdm_plugin import db, origin
from zmdm_plugin.models import ChannelCommand
from zmdm_plugin.services import events


@pytest.fixture
def told(screens: Flask) -> Flask:
    """Somebody saw a secret of the first device; a realm came to be by itself."""
    with screens.app_context(), db.transaction():
        origin.acts("user:9", "grace@example.com")
        events.record("secret.viewed", device=1, secret="filevault_prk")
        origin.came_from(origin.NOWHERE)
        events.record("realm.created", name="Staff", backend="local")
    return screens


@pytest.mark.parametrize(
    "query",
    ["kind=secret.*", "device=1&kind=secret.viewed", "actor=user:9", "actor=grace@example.com"],
)
def test_an_event_is_found_by_what_whom_and_who(
    told: Flask, browser: FlaskClient, query: str
) -> None:
    shown = browser.get(f"/mdm/events/?{query}").text
    assert "Secret shown to somebody</th>" in shown and "Realm created</th>" not in shown


@pytest.mark.parametrize("query", ["kind=job.failed", "device=2", "created_before=2020-01-01"])
def test_what_nothing_matches_is_said(told: Flask, browser: FlaskClient, query: str) -> None:
    assert "Secret shown to somebody</th>" not in browser.get(f"/mdm/events/?{query}").text


@pytest.mark.parametrize("query", ["created_after=today", "device=x", "created_before=9999-12-31"])
def test_what_cannot_be_read_is_said(told: Flask, browser: FlaskClient, query: str) -> None:
    assert "A date must look like" in browser.get(f"/mdm/events/?{query}").text


@pytest.mark.parametrize("path", ["events", "audit", "devices"])
def test_a_date_field_is_given_back_a_date_and_nothing_else(
    told: Flask, browser: FlaskClient, path: str
) -> None:
    before = "enrolled_before" if path == "devices" else "created_before"
    after = before.replace("before", "after")
    shown = browser.get(f"/mdm/{path}/?{before}=2026-11-30&{after}=2026-1-5x").text
    assert (
        'type="date" value="2026-11-30"' in shown and 'type="date" value="2026-1-5x"' not in shown
    )


def test_an_export_is_what_the_screen_shows(
    told: Flask, browser: FlaskClient, post: Callable
) -> None:
    answer = post(browser, "/mdm/events/export/jsonl/?kind=secret.*")
    (line,) = map(json.loads, answer.text.splitlines())
    assert (line["kind"], line["actor_id"]) == ("secret.viewed", "user:9")


def test_a_timeline_leads_to_the_search(told: Flask, browser: FlaskClient) -> None:
    shown = browser.get("/mdm/devices/1/timeline/").text
    assert "Secret shown to somebody" in shown and "/mdm/events/?device=1" in shown


@pytest.mark.parametrize("kept", [True, False])
def test_a_command_is_called_by_its_name_and_led_to_while_it_is_there(
    screens: Flask, browser: FlaskClient, kept: bool
) -> None:
    with screens.app_context(), db.transaction() as session:
        newest = sa.select(ChannelCommand.uid).order_by(ChannelCommand.id.desc()).limit(1)
        uid = session.scalar(newest) if kept else "0f000000-0000-4000-8000-000000000000"
        said = {"name": "CertificateList", "status": "Acknowledged", "state": "acknowledged"}
        events.record("command.answered", device=1, command=uid, **said)
    shown = browser.get("/mdm/events/?kind=command.answered").text
    told = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", shown))
    assert "Command List certificates Status Acknowledged" in told and "State ack" not in told
    assert (f"/mdm/commands/{uid}/" in shown) is kept
