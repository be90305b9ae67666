"""Virtual servers and DEP devices in a browser, as axe and a phone see them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from tests.browser.conftest import Visit
from tests.browser.looks import faults, too_wide
from tests.dep_road import Dep, fill, lay_dep, settings_for
from zmdm_simulator.apple.dep import PlayedDep

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]

Start = Callable[..., Visit]
EMPTY = ("/mdm/dep/servers/", "/mdm/dep/servers/new/", "/mdm/dep/devices/")
SCREENS = (
    *EMPTY,
    "/mdm/dep/servers/1/",
    "/mdm/dep/servers/1/disconnect/",
    "/mdm/dep/servers/2/",
    "/mdm/dep/devices/?show=all&order=serial_number",
    "/mdm/dep/devices/1/",
    "/mdm/dep/devices/1/disown/",
    "/mdm/dep/devices/assign/?all=1",
)


@pytest.fixture
def played() -> Iterator[PlayedDep]:
    """The device assignment service, played."""
    service = PlayedDep().start()
    yield service
    service.stop()


@pytest.fixture
def settings(played: PlayedDep) -> dict[str, object]:
    """The host talks to the played service."""
    return settings_for(played)


def lay(host: Flask, played: PlayedDep) -> Dep:
    """A connected server whose devices stand differently, and one that waits for its token."""
    with lay_dep(host, played) as dep:
        serials = fill(played, 8)
        dep.default(dep.enrollment("Staff devices"))
        dep.enrollment("Kiosks", defined=False)
        dep.sync()
        said = ("FAILED", "NOT_ACCESSIBLE", "THROTTLED")
        played.fail(devices={serial: [word] for serial, word in zip(serials, said, strict=False)})
        dep.converge()
        played.organization.remove(serials[7:])
        dep.sync()
        dep.begin("Lab")
        played.fail(terms_signed=False)
        dep.sync()
    return dep


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_screens_are_accessible(
    visit: Start, host: Flask, played: PlayedDep, color_scheme: str
) -> None:
    one = visit(color_scheme=color_scheme)
    one.sign_in()
    assert faults(one, EMPTY) == {}
    lay(host, played)
    assert faults(one, SCREENS) == {}


def test_screens_fit_a_phone(visit: Start, host: Flask, played: PlayedDep) -> None:
    lay(host, played)
    one = visit(width=390)
    one.sign_in()
    assert too_wide(one, SCREENS) == {}
