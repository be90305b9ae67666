"""OAuth 1.0a with HMAC-SHA1 (RFC 5849), for the one request that needs it: `GET /session`."""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import quote, urlsplit

from zmdm_plugin.protocol.server_token import ServerToken

_PORTS = {"http": 80, "https": 443}


def authorization(token: ServerToken, method: str, *, url: str, timestamp: int, nonce: str) -> str:
    """The Authorization header; `url` has no query, `timestamp` is in seconds since 1970."""
    given = {
        "oauth_consumer_key": token.consumer_key,
        "oauth_nonce": nonce,
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_timestamp": str(timestamp),
        "oauth_token": token.access_token,
        "oauth_version": "1.0",
    }
    encoded = sorted((_percent(name), _percent(value)) for name, value in given.items())
    parameters = "&".join([f"{name}={value}" for name, value in encoded])
    base = "&".join((method.upper(), _percent(_base_uri(url)), _percent(parameters)))
    key = f"{_percent(token.consumer_secret)}&{_percent(token.access_secret)}"
    digest = hmac.digest(key.encode(), base.encode(), hashlib.sha1)
    given["oauth_signature"] = base64.b64encode(digest).decode("ascii")
    fields = ", ".join([f'{name}="{_percent(value)}"' for name, value in given.items()])
    return f'OAuth realm="ADM", {fields}'


def _base_uri(url: str) -> str:
    """Scheme and host in small letters, the usual port left out (RFC 5849 section 3.4.1.2)."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if ":" in host:
        host = f"[{host}]"
    if parts.port and parts.port != _PORTS.get(parts.scheme):
        host = f"{host}:{parts.port}"
    return f"{parts.scheme.lower()}://{host}{parts.path or '/'}"


def _percent(text: str) -> str:
    return quote(text, safe="-._~")
