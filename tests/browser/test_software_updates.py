"""Software updates in a browser, as axe and a phone see them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.browser.conftest import Visit
from tests.browser.looks import faults, too_wide
from tests.updates import Updates, lay_updates, settings_for
from zmdm_simulator.software_lookup import PlayedSoftwareLookup

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]

Start = Callable[..., Visit]
EMPTY = (
    "/mdm/software_updates/",
    "/mdm/software_update_enforcements/",
    "/mdm/devices/1/software_updates/",
)
SCREENS = (
    *EMPTY,
    "/mdm/software_updates/?platform=macOS",
    "/mdm/software_update_enforcements/edit/",
    "/mdm/software_update_enforcements/edit/?enforcement=1",
    "/mdm/software_update_enforcements/1/",
)


@pytest.fixture
def lookup(tmp_path: Path) -> Iterator[PlayedSoftwareLookup]:
    """Apple's list, played."""
    played = PlayedSoftwareLookup(tmp_path).start()
    yield played
    played.stop()


@pytest.fixture
def settings(lookup: PlayedSoftwareLookup) -> dict[str, object]:
    """The host reads the played list."""
    return settings_for(lookup)


@pytest.fixture
def updates(host: Flask, lookup: PlayedSoftwareLookup) -> Iterator[Updates]:
    """The host, with a blueprint."""
    with lay_updates(host, lookup) as laid:
        yield laid


def fill(updates: Updates) -> None:
    """Apple's list is read, and one enforcement is in a blueprint that a Mac has."""
    assert updates.sync().state == "done"
    mac = updates.device()
    updates.enforce()
    updates.refresh(mac)


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_screens_are_accessible(visit: Start, updates: Updates, color_scheme: str) -> None:
    one = visit(color_scheme=color_scheme)
    one.sign_in()
    assert faults(one, EMPTY) == {}
    fill(updates)
    assert faults(one, SCREENS) == {}


def test_screens_fit_a_phone(visit: Start, updates: Updates) -> None:
    fill(updates)
    one = visit(width=390)
    one.sign_in()
    assert too_wide(one, SCREENS) == {}
