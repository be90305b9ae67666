"""The ways that matter, as somebody goes them in a browser; every visit also watches for script
errors, violations of the Content-Security-Policy, and requests that leave our origin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.browser.conftest import Visit
from tests.browser.looks import serious, too_wide
from zmdm_plugin import db
from zmdm_plugin.models import ChannelCommand
from zmdm_plugin.models.base import utcnow

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]

SCREENS = (
    "/mdm/",
    "/mdm/devices/",
    "/mdm/devices/?q=nothing",
    "/mdm/devices/bulk/?action=command:DeviceLock&all=1",
    "/mdm/devices/1/",
    "/mdm/devices/1/facts/",
    "/mdm/devices/1/applications/",
    "/mdm/devices/1/profiles/",
    "/mdm/devices/1/certificates/",
    "/mdm/devices/1/commands/",
    "/mdm/devices/1/timeline/",
    "/mdm/devices/1/send/",
    "/mdm/devices/1/send/DeviceLock/",
    "/mdm/devices/3/send/EraseDevice/",
    "/mdm/tags/edit/",
    "/mdm/doctor/",
    "/mdm/settings/",
    "/mdm/commands/",
    "/mdm/events/",
    "/mdm/enrollments/",
    "/mdm/enrollments/1/",
    "/mdm/enrollments/1/edit/",
    "/mdm/enrollments/new/",
    "/mdm/push_certificates/",
    "/mdm/push_certificates/new/",
    "/mdm/push_certificates/1/",
    "/mdm/scep_issuers/",
    "/mdm/scep_issuers/1/",
    "/mdm/scep_issuers/new/",
    "/mdm/devices/999/",
)
Start = Callable[..., Visit]


def command(host: Flask) -> Any:
    """The newest command, as it is in the database now."""
    with host.app_context():
        newest = sa.select(ChannelCommand).order_by(ChannelCommand.id.desc()).limit(1)
        return db.session().scalars(newest).one()


def test_signing_in_finding_a_device_and_asking_it_something(visit: Start, host: Flask) -> None:
    one = visit()
    page = one.sign_in()
    page.keyboard.press("/")
    page.keyboard.type("alan")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Alan’s iPhone", exact=True).click()
    page.get_by_text("Send a command").click()
    page.get_by_role("button", name="Security information").click()
    page.get_by_text("Security information is queued").wait_for()
    assert (command(host).name, command(host).device_id) == ("SecurityInfo", 3)


def test_locking_a_mac_with_a_pin(visit: Start, host: Flask) -> None:
    one = visit()
    one.sign_in()
    page = one.open("/mdm/devices/2/")
    page.get_by_text("Send a command").click()
    page.get_by_role("link", name="Lock …").click()
    page.get_by_label("PIN").fill("482913")
    page.get_by_role("button", name="Lock").click()
    page.get_by_text("Lock is queued").wait_for()
    assert command(host).name == "DeviceLock"
    assert "482913" not in page.content()


def test_a_command_is_seen_to_be_answered_without_reloading(visit: Start, host: Flask) -> None:
    one = visit()
    one.sign_in()
    page = one.open("/mdm/devices/1/")
    page.get_by_text("Waits behind 1 other command").wait_for()
    with host.app_context(), db.transaction() as session:
        session.execute(
            sa.update(ChannelCommand)
            .where(ChannelCommand.finished_at.is_(None))
            .values(state="acknowledged", finished_at=utcnow())
        )
    page.get_by_text("Waits behind 1 other command").wait_for(state="detached")
    assert page.get_by_text("Not finished, in the order of delivery").count() == 0


def test_blocking_asks_first(visit: Start) -> None:
    one = visit()
    one.sign_in()
    page = one.open("/mdm/devices/4/")
    page.get_by_text("Leaving").click()
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Block …").click()
    assert page.get_by_text("Blocked", exact=True).count() == 0
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Block …").click()
    page.get_by_role("button", name="Unblock").first.wait_for()


def test_a_filter_applies_when_it_is_chosen(visit: Start) -> None:
    one = visit()
    page = one.sign_in()
    page.get_by_label("Platform").select_option("tvOS")
    page.wait_for_url("**platform=tvOS**")
    assert page.locator("tbody tr").count() == 6
    assert "q=" not in page.url


def test_making_and_revoking_an_enrollment(visit: Start) -> None:
    one = visit()
    one.sign_in()
    page = one.open("/mdm/enrollments/")
    page.get_by_role("link", name="Add", exact=True).click()
    page.get_by_label("Name", exact=True).fill("Lab")
    page.get_by_role("button", name="Add").click()
    page.get_by_role("button", name="Show link").click()
    assert page.locator("#link").inner_text().startswith("http://localhost/public/mdm/ota/")
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Revoke").click()
    page.get_by_text("Revoked", exact=True).wait_for()


def test_applications_narrow_as_one_types(visit: Start) -> None:
    one = visit()
    one.sign_in()
    page = one.open("/mdm/devices/1/applications/")
    page.get_by_label("Show only rows with").fill("xcode")
    assert page.locator("#applications tbody tr:visible").count() == 7


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_screens_are_accessible(visit: Start, color_scheme: str) -> None:
    one = visit(color_scheme=color_scheme)
    one.sign_in()
    found = {}
    for path in SCREENS:
        one.open(path)
        found[path] = serious(one)
    one.complaints = [text for text in one.complaints if "404 (NOT FOUND)" not in text]
    assert {path: faults for path, faults in found.items() if faults} == {}


def test_screens_fit_a_phone(visit: Start) -> None:
    one = visit(width=390)
    one.sign_in()
    wider = too_wide(one, SCREENS)
    one.complaints = [text for text in one.complaints if "404 (NOT FOUND)" not in text]
    assert wider == {}


def test_the_menu_folds_on_a_phone_and_opens(visit: Start) -> None:
    one = visit(width=390)
    page = one.sign_in()
    assert not page.get_by_role("link", name="Events").is_visible()
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Events").click()
    page.wait_for_url("**/mdm/events/")


def test_the_menu_shows_where_one_is(visit: Start) -> None:
    one = visit(height=600)
    one.sign_in()
    present = one.open("/mdm/settings/").locator(".side [aria-current]")
    box = present.bounding_box()
    assert present.inner_text() == "Settings"
    assert box is not None and 0 < box["y"] < 600 - box["height"]


def test_a_form_that_comes_back_begins_at_its_first_fault(visit: Start) -> None:
    one = visit(height=600)
    one.sign_in()
    page = one.open("/mdm/blueprints/edit/")
    page.get_by_label("Name", exact=True).fill("Everybody")
    page.get_by_label("Minutes from its reveal until it is replaced").fill("2")
    page.get_by_role("button", name="Add").click()
    page.get_by_text("Nothing was made: please look at the marked field.").wait_for()
    fault = page.locator(":focus")
    assert fault.get_attribute("name") == "admin_password_reveal_rotation_delay"
    one.complaints = [text for text in one.complaints if "422 (UNPROCESSABLE" not in text]


def test_an_inline_handler_would_not_run_and_would_be_noticed(visit: Start) -> None:
    one = visit()
    page = one.sign_in()
    with page.expect_event("console"):
        page.evaluate("document.body.insertAdjacentHTML('beforeend', '<i onclick=\"1\">x</i>')")
    assert "Content Security Policy" in one.complaints[0]
    one.complaints.clear()


def test_the_keyboard_shows_where_it_is(visit: Start) -> None:
    one = visit()
    page = one.sign_in()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Tab")
    style = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(style) == "solid"
