"""What the store says about apps: names, versions and icons, by the address that Apple gives.

The address is Apple's (`contentMetadataLookup` of the service configuration); icons lie where its
answer says, and are fetched from there with bounds on size and kind. Neither is followed anywhere:
an answer that names a place within our own network, or a redirect that leads there, is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx

from zmdm_plugin.clients import places
from zmdm_plugin.clients.apps_books_errors import AppsBooksError, Unreachable, Unreadable
from zmdm_plugin.clients.outbound import Outbound
from zmdm_plugin.clients.trust import roots
from zmdm_plugin.clients.waits import bounded

MOST: Final = 8 * 1024 * 1024
MOST_ICON: Final = 512 * 1024
"""Bytes of an icon; one of 128 pixels has about ten thousand."""
TIMEOUT: Final = httpx.Timeout(30.0, connect=10.0)
MOST_IDS: Final = 50
"""Apps in one question: the address must not become too long."""
_SIZE: Final = "128"
_IMAGES: Final = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Where the store may be asked: at the service itself, and by https at or below these hosts."""

    service_url: str
    hosts: Sequence[str]
    private: Sequence[places.Network]
    """Networks that are not public and may be connected to all the same."""

    def client(self, address: httpx.URL, *, most: int) -> httpx.Client:
        """A client that follows no redirect; Unreadable for an address elsewhere."""
        if _origin(address) == _origin(httpx.URL(self.service_url)):
            return httpx.Client(verify=roots(), timeout=TIMEOUT, follow_redirects=False)
        host = address.host.lower().rstrip(".")
        below = any(host == one or host.endswith(f".{one}") for one in self.hosts)
        if address.scheme != "https" or not below:
            raise Unreadable(f"{host or 'the address'} is no https address of the store's hosts")
        transport = Outbound(private=self.private, most=most)
        return httpx.Client(transport=transport, timeout=TIMEOUT, follow_redirects=False)


def _origin(address: httpx.URL) -> tuple[str, str, int | None]:
    return address.scheme, address.host, address.port


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFacts:
    """One app or book."""

    adam_id: str
    name: str
    bundle_id: str
    latest_version: str
    store_url: str
    icon_url: str
    document: Mapping[str, Any]
    """A few plain facts more, for the page of the asset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Icon:
    """A picture as a browser takes it."""

    content_type: str
    body: bytes


def lookup(
    store: Store,
    url: str,
    adam_ids: Sequence[str],
    *,
    country: str,
    platform: str,
    token: str,
) -> dict[str, StoreFacts]:
    """What the store of this country knows; what it does not know is left out."""
    params = {
        "version": "2",
        "p": "mdm-lockup",
        "caller": "MDM",
        "platform": platform or "enterprisestore",
        "cc": (country or "us").lower(),
        "l": "en",
        "id": ",".join(adam_ids),
    }
    body = _get(store, url, MOST, params=params, headers={"Cookie": f"itvt={token}"})
    try:
        document = json.loads(body)
        results = document["results"]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise Unreadable("the store's answer cannot be read") from error
    found = {}
    for adam_id in adam_ids:
        given = results.get(adam_id) if isinstance(results, Mapping) else None
        if isinstance(given, Mapping):
            found[adam_id] = _facts(adam_id, given)
    return found


def icon(store: Store, url: str) -> Icon:
    """The picture; Unreadable for anything that is none."""
    body = _get(store, url, MOST_ICON)
    for start, kind in _IMAGES.items():
        if body.startswith(start):
            return Icon(content_type=kind, body=body)
    raise Unreadable("the icon is no picture")


def _get(store: Store, url: str, most: int, **more: Any) -> bytes:
    try:
        address = httpx.URL(url)
        with (
            store.client(address, most=most) as http,
            http.stream("GET", address, **more) as answer,
        ):
            body = bounded(answer, most)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unreachable(f"the store cannot be reached: {str(error)[:200]}") from error
    if answer.status_code != 200:
        raise AppsBooksError(
            f"the store answered {answer.status_code}", http_status=answer.status_code
        )
    if body is None:
        raise Unreadable("the store's answer is too long")
    return body


def _facts(adam_id: str, given: Mapping[str, Any]) -> StoreFacts:
    artwork = given.get("artwork")
    url = _text(artwork.get("url"), 1024) if isinstance(artwork, Mapping) else ""
    for name, value in (("{w}", _SIZE), ("{h}", _SIZE), ("{f}", "png"), ("{c}", "bb")):
        url = url.replace(name, value)
    kept = {name: _text(given.get(name), 200) for name in ("artistName", "kind", "genreNames")}
    return StoreFacts(
        adam_id=adam_id,
        name=_text(given.get("name"), 512),
        bundle_id=_text(given.get("bundleId"), 256),
        latest_version=max(_versions(given), key=_order, default=""),
        store_url=_web(_text(given.get("url"), 1024)),
        icon_url=_web(url),
        document={name: value for name, value in kept.items() if value},
    )


def _versions(given: Mapping[str, Any]) -> Iterator[str]:
    offers = given.get("offers")
    for offer in offers if isinstance(offers, list) else ():
        version = offer.get("version") if isinstance(offer, Mapping) else None
        if isinstance(version, Mapping) and (shown := _text(version.get("display"), 64)):
            yield shown


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isascii() and part.isdigit() else 0
                 for part in version[:64].split("."))  # fmt: skip


def _web(url: str) -> str:
    return url if url.startswith(("https://", "http://")) else ""


def _text(value: Any, longest: int) -> str:
    if not isinstance(value, str) or "\0" in value:
        return ""
    return value.encode("utf-8", "ignore").decode().strip()[:longest]
