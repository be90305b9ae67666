"""Realms, people and the page where they sign in, in a browser: as axe and a phone see them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from tests.browser.conftest import Visit
from tests.browser.looks import faults, too_wide
from zmdm_plugin import db
from zmdm_plugin.models import Device
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.realms import accounts, health, realms, sign_ins

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]

Start = Callable[..., Visit]
EMPTY = ("/mdm/realms/", "/mdm/people/", "/mdm/realms/new/")
SCREENS = (
    *EMPTY,
    "/mdm/realms/new/?backend=oidc",
    "/mdm/realms/new/?backend=ldap",
    "/mdm/realms/1/",
    "/mdm/realms/2/",
    "/mdm/realms/2/edit/",
    "/mdm/people/1/",
    "/mdm/people/1/edit/",
    "/mdm/people/new/?realm=1",
    "/mdm/devices/1/",
)
PASSWORD = "correct horse battery"
PERSON = {
    "username": "augusta.ada.king-noel.countess.of.lovelace@mathematics.example.com",
    "full_name": "Augusta Ada King, Countess of Lovelace",
    "email": "augusta.ada.king-noel.countess.of.lovelace@mathematics.example.com",
}


def fill(host: Flask) -> None:
    """A lab with an account that has a device, and a provider that does not answer."""
    with host.app_context(), db.transaction() as session:
        person = accounts.create(realms.create("Lab", "local"), PERSON, password=PASSWORD)
        config = {"issuer": "https://id.example.com/realms/staff", "client_id": "zmdm"}
        staff = realms.create("Staff", "oidc", config=config, secret="hush-hush")
        health.failed(staff, "the provider did not answer in time", now=utcnow())
        session.get_one(Device, 1).realm_user_id = person.id


def page(host: Flask, *, optional: bool = False) -> str:
    """The path of a page to sign in."""
    with host.app_context(), db.transaction():
        then = "/public/mdm/healthz/"
        url = sign_ins.begin(
            realms.by_name("Lab"), purpose="test", then=then, data={}, optional=optional
        )
    return url.removeprefix("http://localhost")


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_screens_are_accessible(visit: Start, host: Flask, color_scheme: str) -> None:
    one = visit(color_scheme=color_scheme)
    one.sign_in()
    assert faults(one, EMPTY) == {}
    fill(host)
    assert faults(one, (*SCREENS, page(host, optional=True))) == {}


def test_a_page_that_says_no_is_accessible(visit: Start, host: Flask) -> None:
    one = visit(width=390)
    assert faults(one, ("/public/mdm/sign_in/no/",)) == {}
    assert_only(one, "400")


def test_screens_fit_a_phone(visit: Start, host: Flask) -> None:
    fill(host)
    one = visit(width=390)
    one.sign_in()
    assert too_wide(one, (*SCREENS, page(host, optional=True))) == {}


def test_a_person_signs_in_on_a_phone(visit: Start, host: Flask) -> None:
    fill(host)
    one = visit(width=390)
    shown = one.open(page(host))
    shown.get_by_label("Username").fill(PERSON["username"])
    shown.get_by_label("Password").fill("wrong password")
    shown.get_by_role("button", name="Sign in").click()
    shown.get_by_text("The username or the password is wrong.").wait_for()
    assert shown.get_by_label("Username").input_value() == PERSON["username"]
    shown.get_by_label("Password").fill(PASSWORD)
    assert_only(one, "422")
    with shown.expect_request("**/public/mdm/healthz/?sign_in=*") as sent:
        shown.get_by_role("button", name="Sign in").click()
    assert sent.value.url.startswith("http://localhost/")  # ZMDM_BASE_URL of the host
    one.foreign.remove(sent.value.url)
    shown.wait_for_url("chrome-error://**")  # nobody listens there
    one.complaints.clear()


def assert_only(one: Visit, status: str) -> None:
    """The browser has nothing to complain of but a status that was meant."""
    assert [text for text in one.complaints if f"status of {status}" not in text] == []
    one.complaints.clear()
