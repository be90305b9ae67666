"""What Apps & Books answers, read into plain values; entries that cannot be read are counted.

https://developer.apple.com/documentation/devicemanagement/app-and-book-management
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, TypeGuard

from zmdm_plugin.clients.apps_books_errors import Unreadable

LIMITS: Final[Mapping[str, int]] = MappingProxyType(
    {"maxAssets": 25, "maxSerialNumbers": 1000, "maxRequestPerSecond": 15}
)
"""What holds until Apple has said otherwise."""
_MOST: Final = 2**31 - 1
_SERIAL: Final = 128
_PLATFORMS: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceConfig:
    """Limits and addresses of the service."""

    limits: Mapping[str, int]
    urls: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientConfig:
    """A location, and the server that manages it."""

    library_uid: str
    name: str
    country_code: str
    platform: str
    website_url: str
    notification_url: str
    owner: Mapping[str, str] | None
    """mdmInfo: id, name, metadata; None while nobody manages the location."""
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """One asset of a location."""

    adam_id: str
    pricing_param: str
    product_type: str
    assigned: int
    available: int
    retired: int
    total: int
    device_assignable: bool
    revocable: bool
    platforms: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """Where a page stands, and in which state of the whole."""

    version: str
    pages: int
    next_page: int | None
    unreadable: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetPage:
    assets: tuple[Counts, ...]
    paging: Paging


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignmentPage:
    """Serial numbers, and how many licences people have, by (adam_id, pricing_param)."""

    devices: Mapping[tuple[str, str], Sequence[str]]
    users: Mapping[tuple[str, str], int]
    paging: Paging


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why some of an event's licences came to nothing."""

    number: int
    message: str
    serials: Sequence[str]
    """Empty: all that were asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStatus:
    """How far an asynchronous order is."""

    state: str
    """PENDING | COMPLETE | FAILED"""
    requested: int = 0
    completed: int = 0
    failures: tuple[Failure, ...] = field(default=())


def service_config(document: Mapping[str, Any]) -> ServiceConfig:
    """Limits that make no sense are not taken; those that are missing stay as they were known."""
    said = _mapping(document.get("limits"))
    limits = {name: value for name, value in said.items() if plain(name, 64) and _number(value)}
    urls = {
        name: url
        for name, url in _mapping(document.get("urls")).items()
        if plain(name, 64) and plain(url, 1024) and url.startswith(("https://", "http://"))
    }
    return ServiceConfig(limits={**LIMITS, **limits}, urls=urls)


def client_config(document: Mapping[str, Any]) -> ClientConfig:
    """Unreadable without the id of the library, by which a location is known."""
    uid = _text(document, "uId", 64)
    if not uid:
        raise Unreadable("Apple's answer does not say which location this is")
    return ClientConfig(
        library_uid=uid,
        name=_text(document, "locationName", 256),
        country_code=_text(document, "countryISO2ACode", 8),
        platform=_text(document, "defaultPlatform", 32),
        website_url=_text(document, "websiteURL", 512),
        notification_url=_text(document, "notificationUrl", 1024),
        owner=owner(document),
        expires_at=moment(document.get("tokenExpirationDate")),
    )


def owner(document: Mapping[str, Any]) -> dict[str, str] | None:
    """mdmInfo of an answer: who manages the location."""
    info = document.get("mdmInfo")
    if not isinstance(info, Mapping) or not info:
        return None
    return {name: _text(info, name, 255) for name in ("id", "name", "metadata")}


def asset_page(document: Mapping[str, Any]) -> AssetPage:
    listed = _list(document, "assets")
    found = tuple(one for one in map(_counts, listed) if one is not None)
    return AssetPage(assets=found, paging=_paging(document, len(listed) - len(found)))


def assignment_page(document: Mapping[str, Any]) -> AssignmentPage:
    """Grouped by asset: what is written is written per asset."""
    devices: dict[tuple[str, str], list[str]] = {}
    users: dict[tuple[str, str], int] = {}
    unreadable = 0
    for given in _list(document, "assignments"):
        entry = _mapping(given)
        key, serial = asset_key(entry), entry.get("serialNumber")
        if key is None:
            unreadable += 1
        elif serial is None:
            users[key] = users.get(key, 0) + 1
        elif plain(serial, _SERIAL):
            devices.setdefault(key, []).append(serial)
        else:
            unreadable += 1
    return AssignmentPage(devices=devices, users=users, paging=_paging(document, unreadable))


def assignments_by_asset(listed: Sequence[Any]) -> dict[tuple[str, str], list[str]]:
    """Serial numbers by asset out of a notification; those of people are passed over."""
    page = assignment_page({"assignments": list(listed)})
    return {key: list(numbers) for key, numbers in page.devices.items()}


def asset_key(document: Mapping[str, Any]) -> tuple[str, str] | None:
    """Of which asset something is said; None if that cannot be read."""
    adam_id, pricing = document.get("adamId"), document.get("pricingParam") or "STDQ"
    if not (plain(adam_id, 32) and plain(pricing, 8)):
        return None
    return adam_id, pricing


def count_delta(document: Mapping[str, Any]) -> int | None:
    """By how many the licences of an asset became more or fewer; None if that cannot be read."""
    delta = document.get("countDelta")
    known = isinstance(delta, int) and not isinstance(delta, bool) and abs(delta) <= _MOST
    return delta if known else None


def event_status(document: Mapping[str, Any]) -> EventStatus:
    """Unreadable unless the state is one that Apple names."""
    state = document.get("eventStatus")
    if state not in ("PENDING", "COMPLETE", "FAILED"):
        raise Unreadable("Apple's answer does not say how far the event is")
    given = document.get("failures")
    return EventStatus(
        state=state,
        requested=_number(document.get("numRequested")),
        completed=_number(document.get("numCompleted")),
        failures=tuple(map(failure, given if isinstance(given, list) else ())),
    )


def failure(given: Any) -> Failure:
    """An ErrorResponse within another answer."""
    document = _mapping(given)
    return Failure(
        number=_number(document.get("errorNumber")),
        message=_text(document, "errorMessage", 300),
        serials=named_serials(_mapping(document.get("errorInfo"))),
    )


def named_serials(info: Mapping[str, Any]) -> tuple[str, ...]:
    """The devices that an error is about; empty if it names none that can be read."""
    listed = info.get("serialNumbers")
    return tuple(one for one in listed if plain(one, _SERIAL)) if isinstance(listed, list) else ()


def moment(value: Any) -> datetime | None:
    """A date as Apple writes it; None for what is none."""
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _counts(given: Any) -> Counts | None:
    document = _mapping(given)
    adam_id, pricing = _text(document, "adamId", 32), _text(document, "pricingParam", 8)
    if not adam_id:
        return None
    platforms = document.get("supportedPlatforms")
    return Counts(
        adam_id=adam_id,
        pricing_param=pricing or "STDQ",
        product_type=_text(document, "productType", 16) or "App",
        assigned=_number(document.get("assignedCount")),
        available=_number(document.get("availableCount")),
        retired=_number(document.get("retiredCount")),
        total=_number(document.get("totalCount")),
        device_assignable=document.get("deviceAssignable") is True,
        revocable=document.get("revocable") is True,
        platforms=tuple(_platforms(platforms)),
    )


def _platforms(given: Any) -> Iterator[str]:
    for one in given[:_PLATFORMS] if isinstance(given, list) else ():
        if isinstance(one, str) and 0 < len(one) <= _PLATFORMS and one.isalnum():
            yield one


def _paging(document: Mapping[str, Any], unreadable: int) -> Paging:
    following = document.get("nextPageIndex")
    return Paging(
        version=_text(document, "versionId", 128),
        pages=max(1, _number(document.get("totalPages"))),
        next_page=_number(following) if following is not None else None,
        unreadable=unreadable,
    )


def _list(document: Mapping[str, Any], name: str) -> list[Any]:
    found = document.get(name)
    if not isinstance(found, list):
        raise Unreadable(f"Apple's answer lacks {name}")
    return found


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: Any) -> int:
    """A count; anything else, and what no count can be, is none."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST:
        return 0
    return value


def plain(value: Any, longest: int) -> TypeGuard[str]:
    """A name as Apple gives them: what is none would be an error of the database's."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= longest
        and value.isascii()
        and value.isprintable()
    )


def _text(document: Mapping[str, Any], name: str, longest: int) -> str:
    value = document.get(name)
    if not isinstance(value, str) or "\0" in value:
        return ""
    return value.encode("utf-8", "ignore").decode().strip()[:longest]
