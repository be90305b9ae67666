"""OAuth 1.0a with HMAC-SHA1 (RFC 5849), judged as the device assignment service judges it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlsplit

WINDOW = 600  # seconds that a timestamp may be away from the service's clock
_PARAMETER = re.compile(r'\s*([A-Za-z_]+)="([^"]*)"\s*')
_NEEDED = {
    "oauth_consumer_key",
    "oauth_token",
    "oauth_signature_method",
    "oauth_signature",
    "oauth_timestamp",
    "oauth_nonce",
}


class NotAuthorized(Exception):
    """400: the header cannot be judged; 401: it was judged and found wanting."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who may sign: the two keys are sent, the two secrets never."""

    consumer_key: str
    consumer_secret: str
    access_token: str
    access_secret: str


class Judge:
    """Knows which nonces have been used; asked from many threads."""

    def __init__(self) -> None:
        self._used: dict[tuple[str, str, str], int] = {}
        self._lock = threading.Lock()

    def check(
        self,
        header: str,
        method: str,
        *,
        url: str,
        at: int,
        find: Callable[[str, str], Credentials | None],
    ) -> Credentials:
        """Whose request this is; `find` looks credentials up by consumer key and access token."""
        given = _parameters(header)
        known = find(given["oauth_consumer_key"], given["oauth_token"])
        if known is None:
            raise NotAuthorized(401, "the consumer key or the access token is unknown")
        if not hmac.compare_digest(signature(known, method, url, given), given["oauth_signature"]):
            raise NotAuthorized(401, "the signature does not fit")
        if abs(int(given["oauth_timestamp"]) - at) > WINDOW:
            raise NotAuthorized(401, "the timestamp is too far away")
        self._use(given, at)
        return known

    def _use(self, given: dict[str, str], at: int) -> None:
        key = given["oauth_consumer_key"], given["oauth_timestamp"], given["oauth_nonce"]
        with self._lock:
            if key in self._used:
                raise NotAuthorized(401, "the nonce has been used")
            if len(self._used) > 10_000:
                self._used = {k: then for k, then in self._used.items() if at - then <= 2 * WINDOW}
            self._used[key] = at


def signature(known: Credentials, method: str, url: str, given: dict[str, str]) -> str:
    """What `oauth_signature` must be for these parameters."""
    parts = urlsplit(url)
    pairs = [(name, value) for name, value in given.items() if name != "oauth_signature"]
    pairs += parse_qsl(parts.query, keep_blank_values=True)
    encoded = sorted((_quoted(name), _quoted(value)) for name, value in pairs)
    parameters = "&".join(f"{name}={value}" for name, value in encoded)
    base = "&".join(
        (method, _quoted(f"{parts.scheme}://{parts.netloc}{parts.path}"), _quoted(parameters))
    )
    key = f"{_quoted(known.consumer_secret)}&{_quoted(known.access_secret)}"
    return base64.b64encode(hmac.digest(key.encode(), base.encode(), hashlib.sha1)).decode()


def _parameters(header: str) -> dict[str, str]:
    kind, _, rest = header.partition(" ")
    if kind != "OAuth":
        raise NotAuthorized(400, "no OAuth in Authorization")
    found: dict[str, str] = {}
    for part in rest.split(","):
        match = _PARAMETER.fullmatch(part)
        if match is None:
            raise NotAuthorized(400, "a parameter cannot be read")
        name, value = match[1], unquote(match[2])
        if name in found:
            raise NotAuthorized(400, f"{name} comes twice")
        found[name] = value
    if found.pop("realm", "ADM") != "ADM" or not _NEEDED <= set(found):
        raise NotAuthorized(400, "a parameter is missing")
    if unknown := set(found) - _NEEDED - {"oauth_version"}:
        raise NotAuthorized(400, f"there is no {sorted(unknown)[0]}")
    if found["oauth_signature_method"] != "HMAC-SHA1" or found.get("oauth_version", "1.0") != "1.0":
        raise NotAuthorized(400, "the method of signing is not supported")
    if not found["oauth_timestamp"].isdecimal() or not found["oauth_nonce"]:
        raise NotAuthorized(400, "the timestamp or the nonce cannot be read")
    return found


def _quoted(text: str) -> str:
    return quote(text, safe="-._~")
