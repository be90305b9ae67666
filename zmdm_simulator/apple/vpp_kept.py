"""The books of a location of Apps & Books as JSON, so that yesterday's licences are today's."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from zmdm_simulator.apple.kept import Json
from zmdm_simulator.apple.vpp_books import Books, Event, Stock

_PLAIN = (
    *("name", "organization", "token", "uid", "country", "platform", "website", "revoked"),
    *("mdm_info", "notification_url", "notification_token", "notification_types"),
    *("assets_version", "assignments_version", "repeated"),
)


def to_json(books: Books) -> Json:
    """Everything that Apple has written down for the location."""
    with books.lock:
        return {
            **{name: getattr(books, name) for name in _PLAIN},
            "expires": books.expires.isoformat(),
            "stocks": [asdict(stock) for stock in books.stocks.values()],
            "events": [_event(event) for event in books.events.values()],
            "log": [[number, *_key(stock), serial] for number, stock, serial in books.log],
        }


def from_json(data: Json) -> Books:
    """What `to_json` wrote."""
    plain = {name: data[name] for name in _PLAIN}
    books = Books(**plain, expires=datetime.fromisoformat(data["expires"]))
    for kept in data["stocks"]:
        stock = Stock(**{**kept, "platforms": tuple(kept["platforms"])})
        books.stocks[_key(stock)] = stock
    for kept in data["events"]:
        stocks = [books.stocks[adam_id, pricing] for adam_id, pricing in kept["stocks"]]
        books.events[kept["id"]] = Event(**{**kept, "stocks": stocks})
    books.log = [
        (number, books.stocks[adam_id, pricing], serial)
        for number, adam_id, pricing, serial in data["log"]
    ]
    return books


def _event(event: Event) -> Json:
    names = ("kind", "serials", "id", "status", "completed", "failures")
    plain = {name: getattr(event, name) for name in names}
    return {**plain, "stocks": [_key(stock) for stock in event.stocks]}


def _key(stock: Stock) -> tuple[str, str]:
    return stock.adam_id, stock.pricing
