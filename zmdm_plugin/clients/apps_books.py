"""Apple's Apps & Books service, version 2: what a location owns and who holds its licences.

https://developer.apple.com/documentation/devicemanagement/app-and-book-management
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from zmdm_plugin.clients import apps_books_errors as errors
from zmdm_plugin.clients import apps_books_values as values
from zmdm_plugin.clients.apps_books_errors import (
    AppsBooksError,
    TakenOver,
    Throttled,
    Unreachable,
    Unreadable,
)
from zmdm_plugin.clients.apps_books_values import (
    AssetPage,
    AssignmentPage,
    ClientConfig,
    EventStatus,
    ServiceConfig,
)
from zmdm_plugin.clients.trust import roots
from zmdm_plugin.clients.waits import bounded, retry_after

BASE_URL: Final = "https://vpp.itunes.apple.com/mdm/v2"
MOST: Final = 32 * 1024 * 1024
"""Bytes of an answer; a page of a thousand assignments has about a hundred thousand."""
TIMEOUT: Final = httpx.Timeout(30.0, connect=10.0)
TYPES: Final = ("ASSET_MANAGEMENT", "ASSET_COUNT")
"""Notifications that we have use for."""
_TRIES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How a client behaves; tests put their own patience here."""

    user_agent: str
    pace: Callable[[], None] = lambda: None
    """Called ahead of each request: waits until one may go out."""
    patience: float = 20.0
    """Seconds between two tries at most; a longer wait is left to the caller."""
    pause: Callable[[float], None] = time.sleep
    dice: Callable[[], float] = random.random


def http_client() -> httpx.Client:
    """The HTTP client that requests go through: no redirects, for they would carry the token."""
    return httpx.Client(verify=roots(), timeout=TIMEOUT, follow_redirects=False)


class AppsBooksClient:
    """One location; threads may share it. `mdm_info_id` is who we say we are."""

    def __init__(
        self,
        http: httpx.Client,
        token: str,
        *,
        manners: Manners,
        mdm_info_id: str,
        base_url: str = BASE_URL,
    ) -> None:
        self._http = http
        self._token = token
        self._manners = manners
        self._mdm_info_id = mdm_info_id
        self._base = base_url.rstrip("/")

    def service_config(self) -> ServiceConfig:
        """Limits and addresses; the one request without a token."""
        return values.service_config(self._ask("GET", "/service/config", public=True))

    def client_config(self) -> ClientConfig:
        """The location, and who manages it, whoever that is."""
        return values.client_config(self._ask("GET", "/client/config", anybody=True))

    def register(
        self, *, name: str, metadata: str, notification_url: str = "", token: str = ""
    ) -> ClientConfig:
        """Take the location over: whoever has it now is out. Without a URL nothing is notified.

        Apple sends a test to the URL before it answers; raises NotificationRefused if that fails.
        """
        info = {"id": self._mdm_info_id, "name": name[:100], "metadata": metadata[:255]}
        body: dict[str, Any] = {"mdmInfo": info}
        if notification_url:
            body |= {
                "notificationUrl": notification_url,
                "notificationAuthToken": token,
                "notificationTypes": list(TYPES),
            }
        return values.client_config(self._ask("POST", "/client/config", body, anybody=True))

    def assets(self, page: int = 0, *, adam_id: str = "", pricing_param: str = "") -> AssetPage:
        """A page of what the location owns, or the one asset that is named."""
        asked = {"pageIndex": str(page), "adamId": adam_id, "pricingParam": pricing_param}
        return values.asset_page(self._ask("GET", "/assets", params=asked))

    def assignments(
        self, page: int = 0, *, adam_id: str = "", pricing_param: str = "", since: str = ""
    ) -> AssignmentPage:
        """A page of who holds licences: of everything, of one asset, or newer than a version."""
        asked = {
            "pageIndex": str(page),
            "adamId": adam_id,
            "pricingParam": pricing_param,
            "sinceVersionId": since,
        }
        return values.assignment_page(self._ask("GET", "/assignments", params=asked))

    def order(self, kind: str, adam_id: str, *, pricing_param: str, serials: Sequence[str]) -> str:
        """Have licences of one asset associated or disassociated; the id of Apple's event."""
        body = {
            "assets": [{"adamId": adam_id, "pricingParam": pricing_param}],
            "serialNumbers": list(serials),
        }
        event = self._ask("POST", f"/assets/{kind}", body, again=False).get("eventId")
        if not values.plain(event, 64):
            raise Unreadable("Apple's answer names no event")
        return event

    def event(self, event_id: str) -> EventStatus:
        """How far an order is. Raises EventUnknown."""
        return values.event_status(self._ask("GET", "/status", params={"eventId": event_id}))

    def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, str] | None = None,
        again: bool = True,
        anybody: bool = False,
        public: bool = False,
    ) -> dict[str, Any]:
        """The answer; TakenOver if another server has the location, unless `anybody` may."""
        asked = {name: value for name, value in (params or {}).items() if value}
        found = self._tried(method, path, body, params=asked, again=again, public=public)
        owner = values.owner(found)
        if not anybody and not public and owner and owner["id"] != self._mdm_info_id:
            name = owner["name"] or "another server"
            raise TakenOver(f"the location is managed by {name} now", info=owner)
        return found

    def _tried(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        *,
        params: Mapping[str, str],
        again: bool,
        public: bool,
    ) -> dict[str, Any]:
        attempt = 0
        while True:
            self._manners.pace()
            try:
                return self._once(method, path, body, params=params, public=public)
            except AppsBooksError as error:
                attempt += 1
                wait = self._wait(error, attempt, again)
                if wait is None:
                    raise
            self._manners.pause(wait)

    def _wait(self, error: AppsBooksError, attempt: int, again: bool) -> float | None:
        """Seconds until the next try, None if there shall be none."""
        unheard = isinstance(error, Throttled) or (isinstance(error, Unreachable) and error.unsent)
        if not error.transient or attempt >= _TRIES or not (again or unheard):
            return None
        wait = float(error.retry_after or 0) + 0.25 + self._manners.dice() * 2 ** (attempt - 1)
        return wait if wait <= self._manners.patience else None

    def _once(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        *,
        params: Mapping[str, str],
        public: bool,
    ) -> dict[str, Any]:
        headers = {"User-Agent": self._manners.user_agent, "Accept": "application/json"}
        if not public:
            headers["Authorization"] = f"Bearer {self._token}"
        more: dict[str, Any] = {"params": dict(params)} if params else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
            more["content"] = json.dumps(body).encode()
        try:
            with self._http.stream(method, self._base + path, headers=headers, **more) as got:
                return _read(got, bounded(got, MOST))
        except httpx.TimeoutException as error:
            raise _unreachable("Apple's Apps and Books did not answer in time", error) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _unreachable(
                f"Apple's Apps and Books cannot be reached: {error}", error
            ) from error


def _unreachable(message: str, error: Exception) -> Unreachable:
    made = Unreachable(message)
    made.unsent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    return made


def _read(answer: httpx.Response, body: bytes | None) -> dict[str, Any]:
    """The document of an answer, or the error that it is."""
    try:
        found = json.loads(body) if body else None
    except (ValueError, RecursionError):
        found = None
    document = found if isinstance(found, dict) else {}
    if answer.status_code >= 400 or "errorNumber" in document:
        wait = retry_after(answer.headers.get("Retry-After"), datetime.now(UTC))
        raise errors.error(answer.status_code, document, retry_after=wait)
    if answer.status_code != 200 or not isinstance(found, dict):
        raise Unreadable("the answer is not Apple's", http_status=answer.status_code)
    return found
