"""Long work on screens: a bar that tells the truth, and a button that stops it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from tests.admin.conftest import SOMEBODY
from zmdm_plugin import Actor, db
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import job_runs
from zmdm_plugin.services.job_runs import Step

OTHER = Actor(id="user:8", label="other@example.com")


def start(app: Flask, actor: Actor = SOMEBODY, **more: Any) -> str:
    with app.app_context(), db.transaction():
        return job_runs.start("test.count", actor, title="Count to ten", total=10, **more).uid


def step(app: Flask, uid: str, done: int, **more: Any) -> None:
    with app.app_context(), db.transaction():
        claimed = job_runs.claim(uid, now=utcnow())
        assert claimed is not None
        job_runs.advance(claimed, Step(done=done, **more), now=utcnow())


def test_the_bar_moves(screens: Flask, browser: FlaskClient) -> None:
    uid = start(screens)
    path = f"/mdm/jobs/{uid}/"
    assert 'max="100" value="0"' in browser.get(path).text
    step(screens, uid, 4, message="so far so good")
    live = browser.get(f"{path}live/").text
    assert 'max="100" value="40"' in live and 'data-busy="yes"' in live
    assert "4 of 10" in live and "So far so good." in live


def test_a_finished_job_shows_its_result_and_is_not_followed(
    screens: Flask, browser: FlaskClient
) -> None:
    uid = start(screens)
    step(screens, uid, 10, finished=True, result={"ordered": 9, "refused": 1})
    page = browser.get(f"/mdm/jobs/{uid}/").text
    assert 'data-busy="no"' in page and "Refused" in page and "Stop it" not in page


def test_the_list_filters_by_state(screens: Flask, browser: FlaskClient) -> None:
    step(screens, start(screens), 10, finished=True)
    assert "Count to ten" in browser.get("/mdm/jobs/?state=done").text
    assert "Count to ten" not in browser.get("/mdm/jobs/?state=open").text
    assert browser.get("/mdm/jobs/?state=nonsense").status_code == 200


def test_a_job_is_stopped_with_an_audit_entry(
    screens: Flask, browser: FlaskClient, post: Callable
) -> None:
    uid = start(screens)
    assert post(browser, f"/mdm/jobs/{uid}/stop/").status_code == 303
    page = browser.get(f"/mdm/jobs/{uid}/").text
    assert "Stopped" in page and "Stop it" not in page
    assert "Job stop" in browser.get("/mdm/audit/").text
    assert post(browser, f"/mdm/jobs/{uid}/stop/").status_code == 409


def test_ones_own_needs_no_permission_and_others_do(make_host: Callable[..., Flask]) -> None:
    app = make_host("mdm.view_enrolleddevice")
    own, theirs = start(app), start(app, OTHER)
    client = app.test_client()
    assert client.get(f"/mdm/jobs/{own}/").status_code == 200
    assert client.get(f"/mdm/jobs/{theirs}/").status_code == 403
    assert client.get("/mdm/jobs/").text.count("Count to ten") == 1


def test_an_unknown_job_is_a_404(browser: FlaskClient) -> None:
    assert browser.get("/mdm/jobs/nonsense/").status_code == 404
