"""Choosing columns, exporting, and the QR code of an enrollment, in a real browser."""

from __future__ import annotations

import csv
from collections.abc import Callable

import pytest

from tests.browser.conftest import Visit
from tests.browser.looks import serious

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]
Start = Callable[..., Visit]


def test_columns_are_chosen_by_keyboard(visit: Start) -> None:
    one = visit()
    page = one.sign_in()
    page.locator("summary", has_text="Columns").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Model", exact=True).focus()
    page.keyboard.press("Space")
    page.get_by_label("Supervised").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    page.get_by_text("The columns are kept.").wait_for()
    heads = page.locator("thead th").all_inner_texts()
    assert "Supervised" in heads
    assert "Model" not in heads


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_menus_that_are_open_are_accessible_and_fit(visit: Start, width: int, scheme: str) -> None:
    one = visit(width=width, color_scheme=scheme)
    page = one.sign_in()
    for name in ("Export", "Columns"):
        page.locator("summary", has_text=name).click()
        assert serious(one) == []
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        page.keyboard.press("Escape")


def test_what_the_filters_find_is_exported(visit: Start) -> None:
    one = visit()
    one.sign_in()
    page = one.open("/mdm/devices/?platform=tvOS")
    page.locator("summary", has_text="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV, these columns").click()
    with open(download.value.path(), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["platform"] for row in rows} == {"tvOS"}
    assert len(rows) == 6


def test_the_qr_code_of_a_link_is_drawn(visit: Start) -> None:
    one = visit()
    one.sign_in()
    page = one.open("/mdm/enrollments/new/")
    page.get_by_label("Name", exact=True).fill("Lab")
    page.get_by_role("button", name="Add").click()
    page.get_by_role("button", name="Show link").click()
    image = page.get_by_alt_text("The link as a QR code")
    image.wait_for()
    assert image.evaluate("async (it) => { await it.decode(); return it.naturalWidth > 0; }")
    assert serious(one) == []


def test_a_user_of_a_device_is_sent_a_question(visit: Start) -> None:
    one = visit()
    one.sign_in()
    page = one.open("/mdm/devices/1/")
    page.get_by_label("Send a command to ada").click()
    page.get_by_role("heading", name="Send a command").wait_for()
    page.locator("li", has_text="ProfileList").get_by_role("button").click()
    page.get_by_text("List profiles is queued for ada").wait_for()
