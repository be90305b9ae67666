"""What a device has and why, in a real browser: nobody is kept out, nothing is cut off."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser

from tests.declaring import Desk
from tests.orders import quiet
from tests.road import Road
from tests.shelf import mobileconfig, payload
from zmdm_simulator.script import Do, Rule, Script

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]


@pytest.fixture
def paths(road: Road) -> list[str]:
    """The screens of a Mac on which something is, something failed and something waits."""
    desk = Desk(road, legacy_profiles_via_ddm=False)
    mac = desk.assign(quiet(road, road.enrolled()))
    desk.configuration("Passcode")
    wifi = desk.profile("Wi-Fi of the main office and its branch offices")
    desk.profile("Mail", mobileconfig(payload(Address="$REALM_USER.EMAIL")))
    desk.profile("User Wi-Fi", mobileconfig(payload(), PayloadScope="User"), channel="user")
    mac.log_in()
    mac.script = Script((Rule(Do.ERROR, command="InstallProfile"),))
    for _ in range(3):
        mac.connect()
    one = f"/mdm/devices/{road.row_id(mac)}"
    parts = (f"artifacts/{wifi}/", "artifacts/", "declarations/", "timeline/")
    return [*(f"{one}/{part}" for part in parts), "/mdm/artifact_failures/"]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_nobody_is_kept_out_and_nothing_is_cut_off(
    road: Road,
    paths: list[str],
    chromium: Browser,
    live_server: Callable[[Flask], str],
    width: int,
    scheme: str,
) -> None:
    base = live_server(road.app)
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    for path in paths:
        page.goto(base + path)
        found = Axe().run(page).response["violations"]
        assert [(one["id"], path) for one in found] == []
        assert page.evaluate("document.documentElement.scrollWidth") == width
    context.close()
