"""How a connection to the push service is opened: TLS with our certificate, perhaps by a proxy."""

from __future__ import annotations

import asyncio
import base64
import secrets
import socket
import ssl
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from zmdm_plugin.clients.apns_wire import LocalReason

P = TypeVar("P", bound=asyncio.Protocol)
MAX_PROXY_ANSWER = 16_384  # bytes
# Alerts that speak of our certificate. "Internal error", which Apple sends for an expired one, is
# not here: it may be an outage as well, and we look at the dates ourselves before we connect.
_CERTIFICATE_ALERTS = (
    "ALERT_ACCESS_DENIED",
    "ALERT_BAD_CERTIFICATE",
    "ALERT_CERTIFICATE_EXPIRED",
    "ALERT_CERTIFICATE_REQUIRED",
    "ALERT_CERTIFICATE_REVOKED",
    "ALERT_CERTIFICATE_UNKNOWN",
    "ALERT_UNKNOWN_CA",
    "ALERT_UNSUPPORTED_CERTIFICATE",
)


class ConnectError(Exception):
    """No connection; `reason` is a LocalReason, the message is for the log."""

    def __init__(self, reason: str, why: str) -> None:
        super().__init__(f"{reason}: {why}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to connect to, and by which HTTP proxy, if any."""

    host: str
    port: int
    proxy_host: str = ""
    proxy_port: int = 0
    proxy_credentials: str = ""

    @classmethod
    def of(cls, base_url: str, proxy: str | None = None) -> Endpoint:
        """Read the two URLs; ValueError names the one that is no good."""
        base = urlsplit(base_url)
        if base.scheme != "https" or not base.hostname or base.path.strip("/"):
            raise ValueError("the push service's URL must be https://host[:port]")
        if not proxy:
            return cls(base.hostname, base.port or 443)
        way = urlsplit(proxy)
        if way.scheme != "http" or not way.hostname:
            raise ValueError("the proxy's URL must be http://[user:password@]host[:port]")
        credentials = f"{unquote(way.username or '')}:{unquote(way.password or '')}"
        return cls(
            base.hostname,
            base.port or 443,
            way.hostname,
            way.port or 80,
            credentials if way.username else "",
        )

    @property
    def authority(self) -> str:
        """The HTTP/2 :authority, without the default port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == 443 else f"{host}:{self.port}"


def client_context(
    certificate_pem: bytes, key_pem: bytes, *, ca_pem: str | None = None
) -> ssl.SSLContext:
    """Make the TLS context. ValueError: certificate and key are unusable or no pair.

    `ca_pem`: the roots that the server must chain to, instead of the system's.

    OpenSSL takes a key from a file only, so it is written there for a moment, encrypted with a
    password that never leaves this function.
    """
    context = ssl.create_default_context(cadata=ca_pem)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    password = secrets.token_bytes(24).hex().encode()
    key = serialization.load_pem_private_key(
        key_pem, password=None, unsafe_skip_rsa_key_validation=True
    )
    sealed = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password),
    )
    with tempfile.TemporaryDirectory(prefix="zmdm-") as folder:
        path = Path(folder, "identity.pem")
        path.write_bytes(certificate_pem.strip() + b"\n" + sealed)
        try:
            context.load_cert_chain(path, password=password)
        except ssl.SSLError as error:
            raise ValueError("the push certificate and its key are no pair") from error
    return context


def validity(certificate_pem: bytes) -> tuple[datetime, datetime]:
    """Read from when to when the certificate holds (aware UTC)."""
    certificate = x509.load_pem_x509_certificate(certificate_pem)
    return certificate.not_valid_before_utc, certificate.not_valid_after_utc


def reason_of(error: BaseException | None) -> str:
    """Name what a broken or refused connection means for the pushes on it."""
    if isinstance(error, ConnectError):
        return error.reason
    if isinstance(error, ssl.SSLCertVerificationError):
        return LocalReason.SERVER_UNTRUSTED
    if isinstance(error, ssl.SSLError):
        rejected = (error.reason or "").endswith(_CERTIFICATE_ALERTS)
        return LocalReason.CERTIFICATE_REJECTED if rejected else LocalReason.TLS_ERROR
    if isinstance(error, TimeoutError):
        return LocalReason.TIMEOUT
    return LocalReason.UNAVAILABLE


async def open_connection(
    endpoint: Endpoint, context: ssl.SSLContext, factory: Callable[[], P], *, timeout: float
) -> P:
    """Connect and shake hands within `timeout` seconds, or raise ConnectError."""
    try:
        async with asyncio.timeout(timeout):
            transport, protocol = await _open(endpoint, context, factory)
    except ConnectError:
        raise
    except (OSError, TimeoutError) as error:
        raise ConnectError(reason_of(error), str(error) or type(error).__name__) from error
    tls = transport.get_extra_info("ssl_object")
    if tls is None or tls.selected_alpn_protocol() != "h2":
        transport.abort()
        raise ConnectError(LocalReason.NO_HTTP2, "the server does not speak HTTP/2")
    return protocol


async def _open(
    endpoint: Endpoint, context: ssl.SSLContext, factory: Callable[[], P]
) -> tuple[asyncio.Transport, P]:
    loop = asyncio.get_running_loop()
    if not endpoint.proxy_host:
        return await loop.create_connection(
            factory, endpoint.host, endpoint.port, ssl=context, happy_eyeballs_delay=0.25
        )
    tunnel = await _tunnel(endpoint)
    try:
        return await loop.create_connection(
            factory, sock=tunnel, ssl=context, server_hostname=endpoint.host
        )
    except BaseException:
        tunnel.close()
        raise


async def _tunnel(endpoint: Endpoint) -> socket.socket:
    """Ask the proxy for a tunnel (HTTP CONNECT) and give back the socket once it stands."""
    loop = asyncio.get_running_loop()
    addresses = await loop.getaddrinfo(
        endpoint.proxy_host, endpoint.proxy_port, type=socket.SOCK_STREAM
    )
    family, kind, number, _, address = addresses[0]
    tunnel = socket.socket(family, kind, number)
    tunnel.setblocking(False)
    try:
        await loop.sock_connect(tunnel, address)
        await loop.sock_sendall(tunnel, _connect_request(endpoint))
        # Byte by byte: what follows the answer is TLS and belongs to OpenSSL.
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            byte = await loop.sock_recv(tunnel, 1)
            if not byte or len(answer) >= MAX_PROXY_ANSWER:
                raise ConnectError(LocalReason.PROXY_REFUSED, "the proxy gave no whole answer")
            answer += byte
        status = answer.split(b"\r\n", 1)[0].split(b" ")
        if len(status) < 2 or not status[0].startswith(b"HTTP/1.") or status[1] != b"200":
            raise ConnectError(LocalReason.PROXY_REFUSED, "the proxy refused the tunnel")
    except BaseException:
        tunnel.close()
        raise
    return tunnel


def _connect_request(endpoint: Endpoint) -> bytes:
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    lines = [f"CONNECT {host}:{endpoint.port} HTTP/1.1", f"Host: {host}:{endpoint.port}"]
    if endpoint.proxy_credentials:
        encoded = base64.b64encode(endpoint.proxy_credentials.encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {encoded}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
