"""Asking a server from here as a device would: does it answer, and would its certificate do?"""

from __future__ import annotations

import base64
import http.client
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from zmdm_plugin.clients.trust import roots

TIMEOUT = 4.0
"""Seconds for each step (connecting, the answer)."""
_MOST = 4096


class Unreachable(Exception):
    """No answer; the message says why, in words."""


class Distrusted(Unreachable):
    """It answered with a certificate that does not hold here."""

    def __init__(self, why: str, *, own_root: bool) -> None:
        super().__init__(why)
        self.own_root = own_root
        """Whether nothing is wrong but a root that this machine does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What came back."""

    status: int = 0
    body: bytes = b""
    date: datetime | None = None
    """The clock of the other side."""
    not_before: datetime | None = None
    not_after: datetime | None = None
    """From and until when its certificate holds; None without TLS."""
    issuer: str = ""


_OWN_ROOT = {18, 19, 20, 21}
"""OpenSSL: self-signed, or an issuer that is not at hand."""


def shake_hands(url: str, *, ca_pem: str = "", proxy: str = "") -> Seen:
    """Connect and check the certificate; nothing is asked. Raises Unreachable."""
    connection = _connect(url, ca_pem, proxy)
    try:
        return _certificate(connection)
    finally:
        connection.close()


def ask(url: str, method: str = "GET", body: bytes | None = None) -> Seen:
    """Send one request and read the beginning of its answer. Raises Unreachable."""
    connection = _connect(url, "", "")
    parts = urlsplit(url)
    try:
        tls = _certificate(connection)
        connection.request(method, parts.path or "/", body=body)
        answer = connection.getresponse()
        return Seen(
            status=answer.status,
            body=answer.read(_MOST),
            date=_date(answer.headers.get("Date")),
            not_before=tls.not_before,
            not_after=tls.not_after,
            issuer=tls.issuer,
        )
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(_words(error)) from error
    finally:
        connection.close()


def _connect(url: str, ca_pem: str, proxy: str) -> http.client.HTTPConnection:
    try:
        connection = _prepared(url, ca_pem, proxy)
        connection.connect()
    except ssl.SSLCertVerificationError as error:
        raise Distrusted(error.verify_message, own_root=error.verify_code in _OWN_ROOT) from error
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(_words(error)) from error
    return connection


def _prepared(url: str, ca_pem: str, proxy: str) -> http.client.HTTPConnection:
    """Not yet connected; ssl.SSLError where `ca_pem` is none."""
    parts = urlsplit(url)
    host, way = parts.hostname or "", urlsplit(proxy)
    if parts.scheme == "http":
        return http.client.HTTPConnection(host, parts.port or 80, timeout=TIMEOUT)
    first = (way.hostname, way.port or 80) if way.hostname else (host, parts.port or 443)
    connection = http.client.HTTPSConnection(*first, timeout=TIMEOUT, context=roots(ca_pem))
    if way.hostname:
        connection.set_tunnel(host, parts.port or 443, _credentials(way))
    return connection


def _credentials(way: Any) -> dict[str, str]:
    if not way.username:
        return {}
    pair = f"{unquote(way.username)}:{unquote(way.password or '')}"
    return {"Proxy-Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def _certificate(connection: http.client.HTTPConnection) -> Seen:
    sock = connection.sock
    if not isinstance(sock, ssl.SSLSocket):
        return Seen()
    certificate = cast("dict[str, Any]", sock.getpeercert() or {})
    names = {key: value for part in certificate.get("issuer", ()) for key, value in part}
    return Seen(
        not_before=_moment(certificate.get("notBefore")),
        not_after=_moment(certificate.get("notAfter")),
        issuer=names.get("organizationName") or names.get("commonName") or "",
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC) if text else None


def _date(header: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(header).astimezone(UTC) if header else None
    except (ValueError, TypeError):
        return None


def _words(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer within some seconds"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
