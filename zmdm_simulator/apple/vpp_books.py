"""What the played Apple has written down for one location of Apps & Books.

Licences by asset, in lists that only grow (one that was given back is a gap), so that a page of a
million costs as much as one of ten. A versionId is a number in disguise: of the changes so far.
"""

from __future__ import annotations

import bisect
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

PRICING = ("STDQ", "PLUS")
ERRORS = {
    9601: "Login required.",
    9602: "Invalid argument.",
    9603: "Internal error.",
    9621: "The token has expired.",
    9622: "Invalid authentication token.",
    9625: "The server has revoked the sToken.",
    9634: "Service removed.",
    9646: "There are too many recent requests. Try again momentarily.",
    9650: "The provided page index must be less than the total number of pages.",
    9700: "Max assets limit on request has been passed.",
    9702: "Max serialNumbers limit on request has been passed.",
    9703: "Duplicate assets found in request.",
    9705: "Duplicate serialNumbers found in request.",
    9706: "Asset in request is not revocable.",
    9707: "Asset in request is not device assignable.",
    9708: "EventId could not be found.",
    9709: "There are not enough licenses for this app or book available.",
    9710: "Both the notification URL and the authentication token are necessary.",
    9711: "The notification URL or the authentication token exceeds its maximum length.",
    9712: "The provided notification URL must be a valid URL and use HTTPS.",
    9718: "This request doesn't contain an asset.",
    9719: "Either clientUserIds or serialNumbers are required arguments.",
    9721: "This request contains an invalid version ID.",
    9722: "This request contains an invalid authorization header.",
    9723: "You must provide an MDM name, ID, and metadata.",
    9724: "The MDM ID exceeds the maximum length.",
    9725: "The MDM name exceeds the maximum length.",
    9726: "Unsupported HTTP method for the requested endpoint.",
    9727: "Unsupported Content-Type for the requested endpoint.",
    9728: "The provided notification URL is unreachable.",
}


class Refusal(Exception):
    """An answer that is not the wanted one: HTTP status, Apple's number, what it is about."""

    def __init__(
        self, number: int, *, status: int = 400, info: dict[str, Any] | None = None
    ) -> None:
        super().__init__(str(number))
        self.number = number
        self.status = status
        self.info = info

    def document(self) -> dict[str, Any]:
        """ErrorResponse."""
        found: dict[str, Any] = {
            "errorNumber": self.number,
            "errorMessage": ERRORS.get(self.number, "Something else."),
        }
        return found | ({"errorInfo": self.info} if self.info else {})


def version_id(number: int) -> str:
    """A number as Apple writes versions."""
    return str(uuid.UUID(int=number))


def version_number(text: str) -> int:
    """The number in a versionId, or Refusal."""
    try:
        return uuid.UUID(text).int
    except ValueError:
        raise Refusal(9721) from None


@dataclass(slots=True)
class Stock:
    """One asset of a location and who holds it."""

    adam_id: str
    pricing: str = "STDQ"
    total: int = 0
    retired: int = 0
    product_type: str = "App"
    name: str = ""
    bundle_id: str = ""
    version: str = "1.0"
    icon_url: str = ""  # instead of the played one
    device_assignable: bool = True
    revocable: bool = True
    platforms: tuple[str, ...] = ("iOS", "macOS")
    users: list[str] = field(default_factory=list)
    rows: list[str | None] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)

    @property
    def assigned(self) -> int:
        return len(self.places) + len(self.users)

    @property
    def available(self) -> int:
        return self.total - self.retired - self.assigned

    def add(self, serial: str) -> bool:
        """Assign one licence; False if the device has one already, Refusal if none is left."""
        if serial in self.places:
            return False
        if self.available <= 0:
            raise Refusal(9709)
        self.places[serial] = len(self.rows)
        self.rows.append(serial)
        return True

    def remove(self, serial: str) -> bool:
        """Take a licence back; False if the device has none."""
        place = self.places.pop(serial, None)
        if place is None:
            return False
        self.rows[place] = None
        return True

    def as_asset(self) -> dict[str, Any]:
        """ResponseAsset."""
        return {
            "adamId": self.adam_id,
            "pricingParam": self.pricing,
            "productType": self.product_type,
            "assignedCount": self.assigned,
            "availableCount": self.available,
            "retiredCount": self.retired,
            "totalCount": self.total,
            "deviceAssignable": self.device_assignable,
            "revocable": self.revocable,
            "supportedPlatforms": list(self.platforms),
        }

    def assignment(self, serial: str) -> dict[str, str]:
        """Assignment."""
        return {"adamId": self.adam_id, "pricingParam": self.pricing, "serialNumber": serial}


@dataclass(slots=True)
class Event:
    """An order that is carried out later."""

    kind: str
    stocks: list[Stock]
    serials: list[str]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "PENDING"
    completed: int = 0
    failures: list[dict[str, Any]] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """StatusResponse."""
        found: dict[str, Any] = {
            "eventStatus": self.status,
            "eventType": self.kind,
            "numRequested": len(self.stocks) * len(self.serials),
            "numCompleted": self.completed,
        }
        return found | ({"failures": self.failures} if self.failures else {})


@dataclass(slots=True)
class Books:
    """One location; asked and changed from many threads, under its lock."""

    name: str
    organization: str
    token: str
    expires: datetime
    uid: str
    country: str = "DE"
    platform: str = "enterprisestore"
    website: str = "https://business.apple.com"
    revoked: bool = False
    mdm_info: dict[str, str] | None = None
    notification_url: str = ""
    notification_token: str = ""
    notification_types: list[str] = field(default_factory=list)
    stocks: dict[tuple[str, str], Stock] = field(default_factory=dict)
    events: dict[str, Event] = field(default_factory=dict)
    assets_version: int = 1
    assignments_version: int = 1
    repeated: int = 0
    """Licences that were asked for again by whom has them: booked once all the same."""
    log: list[tuple[int, Stock, str]] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def stock(self, adam_id: str, pricing: str = "STDQ") -> Stock:
        """One asset, or Refusal."""
        found = self.stocks.get((adam_id, pricing))
        if found is None:
            raise Refusal(9602, info={"assets": [{"adamId": adam_id, "pricingParam": pricing}]})
        return found

    def put(self, stock: Stock) -> Stock:
        """Another asset; one that is known is replaced."""
        with self.lock:
            self.stocks[stock.adam_id, stock.pricing] = stock
            self.assets_version += 1
        return stock

    def fill(self, stock: Stock, serials: Iterable[str]) -> None:
        """Assign many at once, as if it had been long ago: no event, no notification."""
        with self.lock:
            for serial in serials:
                stock.add(serial)
            self.assignments_version += 1
            self.assets_version += 1

    def carry_out(
        self, event: Event, *, scripted: Callable[[str], int | None]
    ) -> Iterator[tuple[list[dict[str, str]], int | None]]:
        """Do it; yields what came of it: assignments, and the number of their error if any."""
        with self.lock:
            done: list[dict[str, str]] = []
            failed: dict[int, list[tuple[Stock, str]]] = {}
            for stock in event.stocks:
                for serial in event.serials:
                    number = scripted(serial) or self._one(event.kind, stock, serial)
                    if number:
                        failed.setdefault(number, []).append((stock, serial))
                    else:
                        done.append(stock.assignment(serial))
            self.assignments_version += 1
            self.assets_version += 1
            event.completed = len(done)
            event.failures = [_failure(number, pairs) for number, pairs in failed.items()]
            event.status = "FAILED" if failed else "COMPLETE"
        if done:
            yield done, None
        for number, pairs in failed.items():
            yield [stock.assignment(serial) for stock, serial in pairs], number

    def _one(self, kind: str, stock: Stock, serial: str) -> int | None:
        if kind != "ASSOCIATE":
            stock.remove(serial)
            return None
        try:
            if stock.add(serial):
                self.log.append((self.assignments_version + 1, stock, serial))
            else:
                self.repeated += 1
        except Refusal as refusal:
            return refusal.number
        return None

    def assignments(
        self, chosen: Sequence[Stock], serial: str, *, page: int, size: int
    ) -> tuple[list[dict[str, str]], int]:
        """A page of who holds these, and how many pages there are."""
        if serial:
            found = [stock.assignment(serial) for stock in chosen if serial in stock.places]
            return _page(found, page, size)
        sizes = [len(stock.rows) + len(stock.users) for stock in chosen]
        pages = max(1, -(-sum(sizes) // size))
        if not 0 <= page < pages:
            raise Refusal(9650)
        rows: list[dict[str, str]] = []
        start, left = page * size, size
        for stock, length in zip(chosen, sizes, strict=True):
            if start >= length:
                start -= length
                continue
            taken = _rows(stock, start, left)
            rows += [one for one in taken if one]
            left -= len(taken)
            start = 0
            if not left:
                break
        return rows, pages

    def changed_since(
        self, number: int, *, page: int, size: int
    ) -> tuple[list[dict[str, str]], int]:
        """Licences that were assigned since; what was taken back is not told."""
        if number > self.assignments_version:
            raise Refusal(9721)
        first = bisect.bisect_right(self.log, number, key=lambda entry: entry[0])
        found = [
            stock.assignment(serial)
            for _, stock, serial in islice(self.log, first, None)
            if serial in stock.places
        ]
        return _page(found, page, size)


def _rows(stock: Stock, start: int, most: int) -> list[dict[str, str] | None]:
    """Rows from here on, gaps as None, and behind them those of users."""
    found: list[dict[str, str] | None] = [
        stock.assignment(serial) if serial else None for serial in stock.rows[start : start + most]
    ]
    begin = max(0, start - len(stock.rows))
    for user in stock.users[begin : begin + most - len(found)]:
        found.append({"adamId": stock.adam_id, "pricingParam": stock.pricing, "clientUserId": user})
    return found


def _page(found: list[dict[str, str]], page: int, size: int) -> tuple[list[dict[str, str]], int]:
    pages = max(1, -(-len(found) // size))
    if not 0 <= page < pages:
        raise Refusal(9650)
    return found[page * size : (page + 1) * size], pages


def _failure(number: int, pairs: list[tuple[Stock, str]]) -> dict[str, Any]:
    """ResponseErrorInfo within an ErrorResponse."""
    assets = {(stock.adam_id, stock.pricing) for stock, _ in pairs}
    info = {
        "assets": [{"adamId": one, "pricingParam": two} for one, two in sorted(assets)],
        "serialNumbers": sorted({serial for _, serial in pairs}),
    }
    return Refusal(number, info=info).document()
