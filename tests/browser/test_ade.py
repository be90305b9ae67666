"""ADE enrollments in a browser, as axe and a phone see them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest
from flask import Flask

from tests.ade import Ade, connected, settings_for
from tests.browser.conftest import Visit
from tests.browser.looks import faults, too_wide
from tests.people import lay_realm
from tests.road import Road
from zmdm_simulator.apple.dep import PlayedDep

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]

Start = Callable[..., Visit]
NEW = "/mdm/enrollments/new/apple/"


@pytest.fixture
def played() -> Iterator[PlayedDep]:
    played = PlayedDep().start()
    yield played
    played.stop()


@pytest.fixture
def devices() -> int:
    """One, and those that Apple assigns."""
    return 1


@pytest.fixture
def settings(played: PlayedDep) -> dict[str, object]:
    return settings_for(played)


@pytest.fixture
def ade(host: Flask, played: PlayedDep) -> Ade:
    """The host has what devices enroll with already."""
    http = httpx.Client(transport=httpx.WSGITransport(app=host))
    return connected(Road(host, b"", http), played)


def fill(ade: Ade) -> tuple[str, ...]:
    """One enrollment that says much, whose profile Apple has in another form; its screens."""
    staff = ade.enrollment(
        "From Apple",
        department="IT",
        skip_setup_items=["Siri", "AppleID"],
        realm_id=lay_realm(ade.road),
        await_device_configured=True,
        macos_min_version="latest",
        admin_full_name="Administrator",
        admin_short_name="ladmin",
    )
    ade.at_apple(staff)["department"] = "Somebody else's"
    one = f"/mdm/enrollments/{staff}/"
    return (NEW, one, f"{one}edit/apple/", f"{one}test/", "/mdm/enrollments/")


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_screens_are_accessible(visit: Start, ade: Ade, color_scheme: str) -> None:
    one = visit(color_scheme=color_scheme)
    one.sign_in()
    assert faults(one, (NEW,)) == {}
    assert faults(one, fill(ade)) == {}


def test_screens_fit_a_phone(visit: Start, ade: Ade) -> None:
    one = visit(width=390)
    one.sign_in()
    assert too_wide(one, fill(ade)) == {}
