"""Tokens, the audit and long work, as somebody goes those ways in a browser."""

from __future__ import annotations

import csv
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.browser.conftest import Visit
from tests.browser.looks import serious
from zmdm_plugin import Actor, db
from zmdm_plugin.models import JobRun
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import job_runs
from zmdm_plugin.services.job_runs import Claimed, Step

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]

SCREENS = (
    "/mdm/audit/",
    "/mdm/audit/?created_after=2020-01-01",
    "/mdm/audit/1/",
    "/mdm/jobs/",
    "/mdm/jobs/{uid}/",
    "/mdm/tokens/",
    "/mdm/tokens/new/",
    "/mdm/webhooks/",
    "/mdm/webhooks/edit/",
    "/mdm/roles/",
)
ADA = Actor(id="user:1", label="ada@example.com")
Start = Callable[..., Visit]


def start(host: Flask) -> str:
    with host.app_context(), db.transaction():
        return job_runs.start("test.count", ADA, title="Count to ten", total=10).uid


def work(host: Flask, claimed: Claimed | None, **step: object) -> Claimed | None:
    assert claimed is not None
    with host.app_context(), db.transaction():
        return job_runs.advance(claimed, Step(**step), now=utcnow())  # type: ignore[arg-type]


def make_token(one: Visit) -> str:
    """Make a token for everything as somebody does; its text."""
    page = one.open("/mdm/tokens/new/")
    page.get_by_label("Name", exact=True).fill("Inventory")
    page.get_by_label("All that I may").check()
    page.get_by_role("button", name="Add").click()
    return page.locator("#token").inner_text()


def test_a_token_is_made_copied_used_and_revoked(visit: Start, host: Flask) -> None:
    one = visit()
    one.sign_in()
    headers = {"Authorization": f"Token {make_token(one)}"}
    page = one.page
    assert page.request.get(one.base + "/api/mdm/devices/", headers=headers).ok
    page.get_by_role("link", name="Done").click()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Revoke").click()
    page.get_by_text("The token is revoked").wait_for()
    assert page.request.get(one.base + "/api/mdm/devices/", headers=headers).status == 401


def test_a_webhook_is_made_and_its_secret_is_shown_once(visit: Start) -> None:
    one = visit()
    one.sign_in()
    page = one.open("/mdm/webhooks/edit/")
    page.get_by_label("Name", exact=True).fill("Tickets")
    page.get_by_label("Address").fill("https://example.com/hook")
    page.get_by_label("Events").fill("device.*")
    page.get_by_role("button", name="Add").click()
    secret = page.locator("#secret").inner_text()
    page.get_by_role("link", name="Done").click()
    page.get_by_text("All that it wants has been told.").wait_for()
    assert secret not in page.content()


def test_the_bar_moves_without_reloading(visit: Start, host: Flask) -> None:
    uid = start(host)
    one = visit()
    one.sign_in()
    page = one.open(f"/mdm/jobs/{uid}/")
    assert page.locator("progress").get_attribute("value") == "0"
    with host.app_context(), db.transaction():
        claimed = job_runs.claim(uid, now=utcnow())
    work(host, work(host, claimed, done=4), done=7)
    page.get_by_text("7 of 10").wait_for()
    assert page.locator("progress").get_attribute("value") == "70"
    with host.app_context():
        assert db.session().scalar(sa.select(JobRun.state)) == "running"


def test_work_that_ends_is_seen_to_end(visit: Start, host: Flask) -> None:
    uid = start(host)
    one = visit()
    one.sign_in()
    page = one.open(f"/mdm/jobs/{uid}/")
    with host.app_context(), db.transaction():
        claimed = job_runs.claim(uid, now=utcnow())
    work(host, claimed, done=10, finished=True, result={"ordered": 9, "refused": 1})
    page.get_by_role("heading", name="Result").wait_for()
    assert page.get_by_role("button", name="Stop it").count() == 0


def test_the_audit_is_searched_and_exported(visit: Start) -> None:
    one = visit()
    one.sign_in()
    make_token(one)
    page = one.open("/mdm/audit/")
    page.get_by_label("What", exact=True).select_option("token.create")
    page.wait_for_url("**action=token.create**")
    assert page.locator("tbody tr").count() == 1
    with page.expect_download() as download:
        page.get_by_role("button", name="Export CSV").click()
    with open(download.value.path(), encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["action"], row["actor_label"]) == ("token.create", "ada@example.com")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_axe_finds_nothing_serious(visit: Start, host: Flask, width: int, scheme: str) -> None:
    one = visit(width=width, color_scheme=scheme)
    one.sign_in()
    make_token(one)
    uid = start(host)
    found = {}
    for path in SCREENS:
        page = one.open(path.format(uid=uid))
        found[path] = serious(one)
        wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wider <= 0, path
    assert found == {path: [] for path in SCREENS}
