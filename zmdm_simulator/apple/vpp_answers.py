"""What the played Apps & Books answers to each request, by method and path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from zmdm_simulator.apple.vpp_books import ERRORS, Books, Event, Refusal, Stock
from zmdm_simulator.apple.vpp_books import version_id as written
from zmdm_simulator.apple.vpp_books import version_number as number_of
from zmdm_simulator.apple.vpp_orders import Orders, letter, send

LIMITS = {
    "maxAssets": 25,
    "maxClientUserIds": 1000,
    "maxSerialNumbers": 1000,
    "maxRevokeClientUserIds": 100,
    "maxRevokeSerialNumbers": 100,
    "maxUsers": 100,
    "maxNotificationLength": 512,
    "maxSubscriptions": 25,
    "maxSubscriptionClientUserIds": 1000,
    "maxMdmNameLength": 100,
    "maxMdmMetadataLength": 255,
    "maxMdmIdLength": 100,
}
TYPES = ("ASSET_MANAGEMENT", "USER_MANAGEMENT", "USER_ASSOCIATED", "ASSET_COUNT")
_TOO_LONG = {"metadata": (9713, 255), "id": (9724, 100), "name": (9725, 100)}


@dataclass(frozen=True, slots=True)
class Call:
    """One request, whoever made it being known."""

    books: Books
    orders: Orders
    query: Mapping[str, str]
    body: Mapping[str, Any]


def service_config(base_url: str, rate: float) -> dict[str, Any]:
    """ServiceConfigResponse."""
    paths = {
        "clientConfig": "client/config",
        "getAssets": "assets",
        "getAssignments": "assignments",
        "associateAssets": "assets/associate",
        "disassociateAssets": "assets/disassociate",
        "revokeAssets": "assets/revoke",
        "eventStatus": "status",
        "contentMetadataLookup": "lookup",
    }
    return {
        "errorCodes": [
            {"errorNumber": number, "errorMessage": text} for number, text in ERRORS.items()
        ],
        "limits": {**LIMITS, **({"maxRequestPerSecond": int(rate) or 1} if rate else {})},
        "notificationTypes": list(TYPES),
        "urls": {name: f"{base_url}/{path}" for name, path in paths.items()},
    }


def client_config(call: Call) -> dict[str, Any]:
    """ClientConfigResponse."""
    books = call.books
    found: dict[str, Any] = {
        "countryISO2ACode": books.country,
        "defaultPlatform": books.platform,
        "locationName": books.name,
        "websiteURL": books.website,
        "subscribedNotificationTypes": list(books.notification_types),
    }
    if books.notification_url:
        found["notificationUrl"] = books.notification_url
    return found


def register(call: Call) -> dict[str, Any]:
    """Take over: whoever manages the location from now on, once it has taken a test."""
    info, body = call.body.get("mdmInfo"), call.body
    if info is not None:
        if not all(isinstance(info.get(name), str) and info[name] for name in _TOO_LONG):
            raise Refusal(9723)
        for name, (number, most) in _TOO_LONG.items():
            if len(info[name]) > most:
                raise Refusal(number)
    url, token = body.get("notificationUrl", ""), body.get("notificationAuthToken", "")
    if bool(url) != bool(token):
        raise Refusal(9710)
    if max(len(url), len(token)) > LIMITS["maxNotificationLength"]:
        raise Refusal(9711)
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or parts.query or not parts.hostname):
        raise Refusal(9712)
    before = call.books.notification_url, call.books.notification_token
    if url:
        call.books.notification_url, call.books.notification_token = url, token
        with httpx.Client(timeout=10, verify=False) as http:
            if not send(http, call.books, letter(call.books, "TEST_NOTIFICATION", {})):
                call.books.notification_url, call.books.notification_token = before
                raise Refusal(9728)
        call.books.notification_types = [
            one for one in body.get("notificationTypes", TYPES) if one in TYPES
        ]
    if info is not None:
        call.books.mdm_info = dict(info)
    return client_config(call)


def assets(call: Call) -> dict[str, Any]:
    """GetAssetsResponse."""
    books, size = call.books, call.orders.faults.page_size
    with books.lock:
        chosen = _chosen(call)
        pages = max(1, -(-len(chosen) // size))
        page = _page_index(call, pages)
        found = [stock.as_asset() for stock in chosen[page * size : (page + 1) * size]]
        version = written(books.assets_version)
    return {"assets": found, **_paging(page, pages, len(found), version)}


def assignments(call: Call) -> dict[str, Any]:
    """GetAssignmentsResponse."""
    books, size = call.books, call.orders.faults.page_size
    page = _page_index(call)
    with books.lock:
        if page and call.orders.faults.shuffle:
            call.orders.faults.shuffle -= 1
            books.assignments_version += 1
        if since := call.query.get("sinceVersionId"):
            rows, pages = books.changed_since(number_of(since), page=page, size=size)
        else:
            serial = call.query.get("serialNumber", "")
            rows, pages = books.assignments(_chosen(call), serial, page=page, size=size)
        version = written(books.assignments_version)
    return {"assignments": rows, **_paging(page, pages, len(rows), version)}


def associate(call: Call) -> dict[str, Any]:
    return _order(call, "ASSOCIATE")


def disassociate(call: Call) -> dict[str, Any]:
    return _order(call, "DISASSOCIATE")


def revoke(call: Call) -> dict[str, Any]:
    """Take everything back from these devices."""
    serials = _serials(call, LIMITS["maxRevokeSerialNumbers"])
    held = [
        stock
        for stock in call.books.stocks.values()
        if stock.revocable and any(serial in stock.places for serial in serials)
    ]
    return _ordered(call, Event("REVOKE", held, serials))


def status(call: Call) -> dict[str, Any]:
    """StatusResponse."""
    event = call.books.events.get(call.query.get("eventId", ""))
    if event is None:
        raise Refusal(9708)
    return event.document()


def _order(call: Call, kind: str) -> dict[str, Any]:
    given = call.body.get("assets") or []
    if not given:
        raise Refusal(9718)
    if len(given) > LIMITS["maxAssets"]:
        raise Refusal(9700)
    pairs = [(one.get("adamId", ""), one.get("pricingParam", "STDQ")) for one in given]
    if len(set(pairs)) < len(pairs):
        raise Refusal(9703)
    stocks = [call.books.stock(*pair) for pair in pairs]
    serials = _serials(call, LIMITS["maxSerialNumbers"])
    for stock in stocks:
        if kind == "ASSOCIATE" and not stock.device_assignable:
            raise Refusal(9707, info={"assets": [{"adamId": stock.adam_id}]})
        if kind != "ASSOCIATE" and not stock.revocable:
            raise Refusal(9706, info={"assets": [{"adamId": stock.adam_id}]})
        if kind == "ASSOCIATE" and stock.available < _new(stock, serials):
            raise Refusal(9709, info={"assets": [{"adamId": stock.adam_id}]})
    return _ordered(call, Event(kind, stocks, serials))


def _new(stock: Stock, serials: list[str]) -> int:
    return sum(serial not in stock.places for serial in serials)


def _ordered(call: Call, event: Event) -> dict[str, Any]:
    call.orders.order(call.books, event)
    return {"eventId": event.id}


def _serials(call: Call, most: int) -> list[str]:
    serials = call.body.get("serialNumbers") or []
    if not serials:
        raise Refusal(9719)
    if len(serials) > most:
        raise Refusal(9702)
    if len(set(serials)) < len(serials):
        raise Refusal(9705)
    return list(serials)


def _chosen(call: Call) -> list[Stock]:
    wanted = {"adamId": "adam_id", "pricingParam": "pricing", "productType": "product_type"}
    asked = {name: call.query[key] for key, name in wanted.items() if key in call.query}
    return [
        stock
        for stock in call.books.stocks.values()
        if all(getattr(stock, name) == value for name, value in asked.items())
    ]


def _page_index(call: Call, pages: int = 0) -> int:
    text = call.query.get("pageIndex", "0")
    if not text.isdecimal() or (pages and int(text) >= pages):
        raise Refusal(9650)
    return int(text)


def _paging(page: int, pages: int, size: int, version: str) -> dict[str, Any]:
    found = {
        "currentPageIndex": page,
        "size": size,
        "totalPages": pages,
        "versionId": version,
    }
    return found | ({"nextPageIndex": page + 1} if page + 1 < pages else {})


ANSWERS: dict[tuple[str, str], Callable[[Call], dict[str, Any]]] = {
    ("GET", "/client/config"): client_config,
    ("POST", "/client/config"): register,
    ("GET", "/assets"): assets,
    ("GET", "/assignments"): assignments,
    ("POST", "/assets/associate"): associate,
    ("POST", "/assets/disassociate"): disassociate,
    ("POST", "/assets/revoke"): revoke,
    ("GET", "/status"): status,
}
