"""Alerts on screens: what is wrong leads to where it is mended, and is put off or looked after."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from zmdm_plugin import db
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import leases
from zmdm_plugin.services.alerts import kinds, processes, watch
from zmdm_plugin.services.alerts.condition import Condition

PAGE = Path(__file__).parents[2] / "docs" / "alerts.md"
WRONG = Condition(kind="devices.push_dead", facts={"devices": 12})


@pytest.fixture
def wrong(screens: Flask) -> None:
    with screens.app_context(), db.transaction():
        watch.note([WRONG], (), now=utcnow())


def test_every_kind_leads_to_a_screen_and_is_documented(app: Flask) -> None:
    adapter, page = app.url_map.bind("localhost"), PAGE.read_text(encoding="utf-8")
    for name in kinds.KINDS:
        path = kinds.path(name, {"id": 1}).partition("?")[0]
        assert adapter.match(f"/mdm/{path}")[0].startswith("zmdm_"), name
        assert f"`{name}`" in page, name


def test_dead_processes_are_shown_as_alerts_that_nobody_wrote(
    screens: Flask, browser: FlaskClient
) -> None:
    page = browser.get("/mdm/alerts/").text
    assert "The scheduler is dead" in page and page.count("Seen just now") == 3
    with screens.app_context(), db.transaction():
        for one in processes.PROCESSES:
            leases.beat(one.beat, "test", now=utcnow())
    assert "Nothing is wrong that nobody looks after." in browser.get("/mdm/alerts/").text


@pytest.mark.usefixtures("wrong")
def test_the_menu_counts_what_nobody_looks_after(
    browser: FlaskClient, post: Callable[..., Any]
) -> None:
    counted = '">4<span class="away"> open alerts'
    assert counted in browser.get("/mdm/devices/").text
    answer = post(browser, "/mdm/alerts/1/acknowledge/", note="Mine")
    assert answer.status_code == 303
    assert counted.replace("4", "3") in browser.get("/mdm/devices/").text
    assert "Mine" in browser.get("/mdm/alerts/1/").text


@pytest.mark.usefixtures("wrong")
@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"for": "until"}, "Needs a day and a time."),
        ({"for": "until", "until": "2020-01-01T10:00"}, "Must lie ahead, within a year."),
        ({"for": "until", "until": "9999-12-31T23:59"}, "Must lie ahead, within a year."),
    ],
)
def test_a_snooze_that_makes_no_sense_says_so(
    browser: FlaskClient, post: Callable[..., Any], given: dict[str, str], why: str
) -> None:
    answer = post(browser, "/mdm/alerts/1/snooze/", **given)
    assert answer.status_code == 422 and why in answer.text


def test_without_a_mail_server_the_page_says_what_it_takes(browser: FlaskClient) -> None:
    assert "ZMDM_SMTP_HOST" in browser.get("/mdm/alerts/").text


def test_who_may_not_see_alerts_is_told_of_none(make_host: Callable[..., Flask]) -> None:
    client = make_host("mdm.view_enrolleddevice").test_client()
    assert "open alerts" not in client.get("/mdm/").text
    assert client.get("/mdm/alerts/").status_code == 403
