"""The played Apps & Books goes on where it was stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from zmdm_simulator.apple.vpp import PlayedVpp
from zmdm_simulator.apple.vpp_books import Event, Stock

PAGES = "361309726"


@pytest.fixture
def played() -> Iterator[PlayedVpp]:
    """Berlin with ten licences of an app, two of them assigned and one of these given back."""
    service = PlayedVpp()
    service.new_location()
    service.locations["Berlin"].put(Stock(PAGES, total=10, name="Pages"))
    service.assign("Berlin", PAGES, serials=["SERIAL1", "SERIAL2"], kind="ASSOCIATE")
    service.assign("Berlin", PAGES, serials=["SERIAL1"], kind="DISASSOCIATE")
    service.settle()
    yield service
    service.orders.stop()


@pytest.fixture
def later(played: PlayedVpp) -> Iterator[PlayedVpp]:
    """Another process that reads what the first has written."""
    service = PlayedVpp()
    yield service
    service.orders.stop()


def test_tokens_and_licences_are_those_of_before(played: PlayedVpp, later: PlayedVpp) -> None:
    before = played.locations["Berlin"]
    later.restore(json.loads(json.dumps(played.kept())))
    books = later.find(f"Bearer {before.token}")
    assert books.stock(PAGES) == before.stock(PAGES)
    assert list(books.stock(PAGES).places) == ["SERIAL2"]
    assert books.changed_since(0, page=0, size=9) == before.changed_since(0, page=0, size=9)


def test_what_was_ordered_and_not_done_is_done_later(played: PlayedVpp, later: PlayedVpp) -> None:
    books = played.locations["Berlin"]
    event = Event("ASSOCIATE", [books.stock(PAGES)], ["SERIAL3"])
    books.events[event.id] = event
    later.restore(json.loads(json.dumps(played.kept())))
    later.settle()
    assert later.locations["Berlin"].events[event.id].status == "COMPLETE"
    assert "SERIAL3" in later.locations["Berlin"].stock(PAGES).places
