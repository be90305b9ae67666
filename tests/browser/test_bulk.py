"""A bulk action from the list to its end, in a real browser; tags and views on the way."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from tests import hosts
from tests.browser.conftest import Visit

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]
Start = Callable[..., Visit]


def test_waking_all_that_match(host: Flask, visit: Start) -> None:
    one = visit()
    one.sign_in()
    page = one.open("/mdm/devices/?platform=iOS&state=enrolled")
    page.get_by_label("With").select_option("1")
    page.get_by_label("do", exact=True).select_option("poke")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Wake: ").click()
    page.wait_for_url("**/mdm/jobs/*/")
    hosts.run_jobs(host)
    page.reload()
    page.get_by_text("done for", exact=False).first.wait_for()


def test_ticked_rows_are_counted_and_nothing_ticked_cannot_go_on(visit: Start) -> None:
    one = visit()
    page = one.sign_in()
    go_on = page.get_by_role("button", name="Continue")
    assert go_on.is_disabled()
    page.get_by_label("Select all on this page").check()
    page.get_by_text("40 selected").wait_for()
    page.get_by_label("Select Alan’s iPhone").uncheck()
    page.get_by_text("39 selected").wait_for()
    page.get_by_label("do", exact=True).select_option("command:DeviceLock")
    go_on.click()
    page.get_by_role("heading", name="Lock: 39 devices").wait_for()


def test_a_tag_is_made_put_on_a_device_and_filters(visit: Start) -> None:
    one = visit()
    one.sign_in()
    page = one.open("/mdm/tags/")
    page.get_by_role("link", name="Add", exact=True).click()
    page.get_by_label("Name", exact=True).fill("Loaner pool")
    page.get_by_role("button", name="Add").click()
    page = one.open("/mdm/devices/1/")
    page.get_by_role("button", name="Add tag").click()
    page.get_by_role("link", name="Loaner pool").click()
    page.wait_for_url("**tag=Loaner*")
    assert page.locator("tbody tr").count() == 1


def test_a_view_is_saved_and_comes_back(visit: Start) -> None:
    one = visit()
    one.sign_in()
    page = one.open("/mdm/devices/?platform=tvOS")
    page.get_by_text("Views").click()
    page.get_by_label("Keep these filters as").fill("Meeting rooms")
    page.get_by_role("button", name="Save").click()
    page = one.open("/mdm/devices/")
    page.get_by_text("Views").click()
    page.get_by_role("link", name="Meeting rooms").click()
    page.wait_for_url("**platform=tvOS**")
