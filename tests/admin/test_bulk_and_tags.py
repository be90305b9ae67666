"""From ticked rows, or all that match, to a run; tags and saved views on the way."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from tests.admin.conftest import token
from zmdm_plugin import db
from zmdm_plugin.jobs import bulk as job
from zmdm_plugin.models import Device, DeviceTag, JobRun, SavedView, Tag

Post = Callable[..., Any]
_HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')


def confirm(client: FlaskClient, query: str, **fields: str) -> Any:
    """Open the page that asks, and send what it shows."""
    page = client.get(f"/mdm/devices/bulk/?{query}")
    assert page.status_code == 200, page.text
    shown = {name: html.unescape(value) for name, value in _HIDDEN.findall(page.text)}
    return client.post("/mdm/devices/bulk/", data={**shown, **fields})


def runs(app: Flask) -> list[JobRun]:
    with app.app_context():
        found = list(db.session().scalars(sa.select(JobRun)))
        db.session().expunge_all()
    return found


def make_tag(post: Post, client: FlaskClient, name: str = "Lab") -> None:
    assert post(client, "/mdm/tags/edit/", name=name, color="blue").status_code == 303


def test_ticked_rows_become_a_run(screens: Flask, browser: FlaskClient) -> None:
    answer = confirm(browser, "action=block&id=3&id=5")
    run = runs(screens)[0]
    assert answer.headers["Location"] == f"/mdm/jobs/{run.uid}/"
    assert run.arguments["ids"] == [3, 5]


def test_all_that_match_are_done_not_only_the_page(screens: Flask, browser: FlaskClient) -> None:
    confirm(browser, "action=block&all=1&platform=tvOS&seen=30d")
    run = runs(screens)[0]
    assert run.total == 6
    assert run.arguments["filter"]["last_seen_after"].endswith("+00:00")
    with screens.app_context():
        job.run(run.uid)
        blocked = sa.select(sa.func.count()).where(Device.blocked_at.is_not(None))
        assert db.session().scalar(blocked.where(Device.platform == "tvOS")) == 6


def test_the_page_says_how_many_before_anything_happens(
    screens: Flask, browser: FlaskClient
) -> None:
    page = browser.get("/mdm/devices/bulk/?action=block&all=1").text
    assert "Block: 40 devices" in page
    assert "may not enroll again" in page
    assert runs(screens) == []


def test_nothing_ticked_is_said(browser: FlaskClient) -> None:
    answer = browser.get("/mdm/devices/bulk/?action=block")
    assert answer.status_code == 404
    assert "No device is selected" in answer.text


def test_a_number_that_nobody_saw_is_not_confirmed(screens: Flask, browser: FlaskClient) -> None:
    answer = confirm(browser, "action=poke&all=1", count="39")
    assert answer.status_code == 422
    assert "40 devices match by now, not 39" in answer.text
    assert runs(screens) == []


@pytest.mark.parametrize(
    "which",
    [
        "",
        "{}",
        '{"ids": [9999999999999999999]}',
        '{"filter": {}, "up_to": true}',
        "[]",
        '{"filter": {"x": "y"}, "up_to": 1}',
        '{"ids": ["a"]}',
        "[" * 100_000,
    ],
)
def test_a_choice_that_the_page_never_made_is_refused(browser: FlaskClient, which: str) -> None:
    fields = {"csrf_token": token(browser), "action": "poke", "count": "1", "which": which}
    assert browser.post("/mdm/devices/bulk/", data=fields).status_code == 422


def test_faults_of_a_command_are_shown_at_their_field(browser: FlaskClient) -> None:
    answer = confirm(browser, "action=command:DeviceLock&id=1", pin="12")
    assert answer.status_code == 422
    assert 'id="f-pin-error"' in answer.text


def test_erasing_is_not_offered_in_bulk(browser: FlaskClient) -> None:
    assert "command:EraseDevice" not in browser.get("/mdm/devices/").text
    assert browser.get("/mdm/devices/bulk/?action=command:EraseDevice&id=1").status_code == 404


def test_only_what_one_may_do_is_offered(make_host: Callable[..., Flask]) -> None:
    client = make_host("mdm.view_*").test_client()
    assert "data-bulk" not in client.get("/mdm/devices/").text
    assert client.get("/mdm/devices/bulk/?action=block&all=1").status_code == 403


def test_a_tag_is_put_on_a_device_and_taken_off(
    screens: Flask, browser: FlaskClient, post: Post
) -> None:
    make_tag(post, browser)
    assert post(browser, "/mdm/devices/1/tags/", put="Lab").status_code == 303
    assert ">Lab</a>" in browser.get("/mdm/devices/?tag=lab").text
    assert post(browser, "/mdm/devices/1/tags/", take="Lab").status_code == 303
    assert "No device matches" in browser.get("/mdm/devices/?tag=lab").text


def test_many_devices_get_a_tag(screens: Flask, browser: FlaskClient, post: Post) -> None:
    make_tag(post, browser)
    confirm(browser, "action=tag&id=1&id=2", tag="Lab")
    with screens.app_context():
        job.run(runs(screens)[0].uid)
        assert db.session().scalar(sa.select(sa.func.count(DeviceTag.device_id))) == 2


def test_two_tags_of_one_name_are_refused(browser: FlaskClient, post: Post) -> None:
    make_tag(post, browser)
    answer = post(browser, "/mdm/tags/edit/", name=" LAB ", color="red")
    assert answer.status_code == 422
    assert "There is a tag with this name" in answer.text


def test_a_deleted_tag_leaves_its_devices(screens: Flask, browser: FlaskClient, post: Post) -> None:
    make_tag(post, browser)
    post(browser, "/mdm/devices/1/tags/", put="Lab")
    assert post(browser, "/mdm/tags/edit/delete/?tag=1").status_code == 303
    with screens.app_context():
        assert db.session().scalar(sa.select(sa.func.count(Tag.id))) == 0
        assert db.session().scalar(sa.select(sa.func.count(DeviceTag.tag_id))) == 0


def test_a_view_keeps_filters_under_a_name(
    screens: Flask, browser: FlaskClient, post: Post
) -> None:
    post(browser, "/mdm/devices/views/", view_name="Silent Macs", platform="macOS", seen="not-7d")
    page = browser.get("/mdm/devices/").text
    assert '<a class="item" href="/mdm/devices/?platform=macOS&amp;seen=not-7d">Silent Macs' in page
    assert post(browser, "/mdm/devices/views/forget/", name="Silent Macs").status_code == 303
    with screens.app_context():
        assert db.session().scalar(sa.select(sa.func.count(SavedView.id))) == 0


@pytest.mark.parametrize(
    ("action", "said"), [("poke", "At most 500 devices a second are woken"), ("tag", "")]
)
def test_the_page_says_how_fast_devices_are_woken(
    browser: FlaskClient, post: Post, action: str, said: str
) -> None:
    make_tag(post, browser)
    page = browser.get(f"/mdm/devices/bulk/?action={action}&all=1").text
    assert (said or "Each device is asked for by itself") in page
    assert ("ZMDM_PUSH_RATE" in page) is bool(said)
