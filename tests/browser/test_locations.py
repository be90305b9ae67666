"""Apps & Books in a browser, as axe and a phone see them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from tests.books import PAGES, Shelf, serials, stand
from tests.browser.conftest import Visit
from tests.browser.looks import faults, too_wide
from zmdm_plugin.jobs import apps_books as jobs
from zmdm_simulator.apple.vpp import PlayedVpp

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]

Start = Callable[..., Visit]
EMPTY = ("/mdm/locations/", "/mdm/locations/new/", "/mdm/store_apps/")
SCREENS = (
    *EMPTY,
    "/mdm/locations/1/",
    "/mdm/locations/1/update/",
    "/mdm/locations/1/delete/",
    "/mdm/store_apps/1/",
    "/mdm/licences/1/",
    "/mdm/licences/1/?state=waiting",
)


@pytest.fixture
def played() -> Iterator[PlayedVpp]:
    service = PlayedVpp().start()
    service.fail(rate=0)
    yield service
    service.stop()


@pytest.fixture
def settings(played: PlayedVpp) -> dict[str, object]:
    """The host asks the played service."""
    return {"ZMDM_APPS_BOOKS_URL": played.url}


@pytest.fixture
def shelf(host: Flask, played: PlayedVpp) -> Shelf:
    return stand(host, played)


def fill(shelf: Shelf) -> None:
    """A location with an app whose licences are short."""
    shelf.books.fill(shelf.add(total=4), serials(3))
    shelf.location()
    shelf.need(PAGES, "A", "B")
    shelf.work()
    with shelf.app.app_context():
        jobs.fetch_metadata()


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_screens_are_accessible(visit: Start, shelf: Shelf, color_scheme: str) -> None:
    one = visit(color_scheme=color_scheme)
    one.sign_in()
    assert faults(one, EMPTY) == {}
    fill(shelf)
    assert faults(one, SCREENS) == {}


def test_screens_fit_a_phone(visit: Start, shelf: Shelf) -> None:
    fill(shelf)
    one = visit(width=390)
    one.sign_in()
    assert too_wide(one, SCREENS) == {}
