"""HTTP to addresses that operators give: checked places, bounded answers, no redirects."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from ssl import SSLContext
from typing import Any

import httpcore
import httpx

from zmdm_plugin.clients import places
from zmdm_plugin.clients.trust import roots

TIMEOUT = 5.0
"""Seconds for each step of a request."""
WHOLE = 15.0
"""Seconds for a request until the last byte of its answer, however slowly they come."""
MOST = 512 * 1024
"""Bytes of an answer."""
_PIECE = 64 * 1024
_KEPT_FOR = 5.0
"""Seconds for which a connection waits for the next request."""
_ERRORS: Mapping[type[Exception], type[httpx.TransportError]] = {
    httpcore.ConnectTimeout: httpx.ConnectTimeout,
    httpcore.ReadTimeout: httpx.ReadTimeout,
    httpcore.WriteTimeout: httpx.WriteTimeout,
    httpcore.PoolTimeout: httpx.PoolTimeout,
    httpcore.ConnectError: httpx.ConnectError,
    httpcore.ReadError: httpx.ReadError,
    httpcore.WriteError: httpx.WriteError,
    httpcore.LocalProtocolError: httpx.LocalProtocolError,
    httpcore.RemoteProtocolError: httpx.RemoteProtocolError,
    httpcore.UnsupportedProtocol: httpx.UnsupportedProtocol,
}


class Outbound(httpx.BaseTransport):
    """Connects to an address that was checked, whatever the name means a moment later."""

    def __init__(
        self,
        *,
        private: Sequence[places.Network],
        ca_pem: str = "",
        most: int = MOST,
        whole: float = WHOLE,
    ) -> None:
        """`most` bytes of an answer, in `whole` seconds."""
        self._limit = _Limit()
        self._most, self._whole = most, whole
        self._pool = httpcore.ConnectionPool(
            ssl_context=roots(ca_pem),
            keepalive_expiry=_KEPT_FOR,
            network_backend=_Network(private, self._limit),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._limit.until = time.monotonic() + self._whole
        assert isinstance(request.stream, httpx.SyncByteStream)
        url = request.url
        asked = httpcore.Request(
            method=request.method,
            url=httpcore.URL(
                scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _in_words(request):
            answer = self._pool.handle_request(asked)
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=_Bounded(answer, request, self._most),
            extensions=answer.extensions,
        )

    def close(self) -> None:
        self._pool.close()


@contextmanager
def _in_words(request: httpx.Request) -> Iterator[None]:
    """Errors as httpx calls them."""
    try:
        yield
    except tuple(_ERRORS) as error:
        known = next(found for kind, found in _ERRORS.items() if isinstance(error, kind))
        raise known(str(error), request=request) from error


class _Limit(threading.local):
    """When the request of this thread has to be over."""

    until = math.inf

    def left(self, step: float | None, over: type[Exception]) -> float:
        """Seconds for the next step; `over` is raised where none are left."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise over("it takes too long")
        return left if step is None else min(left, step)


class _Network(httpcore.NetworkBackend):
    """Connections to places that are allowed, which end with their time."""

    def __init__(self, private: Sequence[places.Network], limit: _Limit) -> None:
        self._inner = httpcore.SyncBackend()
        self._private = private
        self._limit = limit

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        within = self._limit.left(places.WITHIN, httpcore.ConnectTimeout)
        try:
            addresses = places.resolve(host, port, private=self._private, within=within)
        except places.Unreachable as error:
            raise httpcore.ConnectError(str(error)) from error
        failed: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in addresses:
            step = self._limit.left(timeout, httpcore.ConnectTimeout)
            try:
                stream = self._inner.connect_tcp(address, port, step, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
                continue
            return _Stream(stream, self._limit)
        raise failed


class _Stream(httpcore.NetworkStream):
    """A connection of which each step gets no more time than its request has left."""

    def __init__(self, inner: httpcore.NetworkStream, limit: _Limit) -> None:
        self._inner = inner
        self._limit = limit

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._limit.left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for at in range(0, len(buffer), _PIECE):
            left = self._limit.left(timeout, httpcore.WriteTimeout)
            self._inner.write(buffer[at : at + _PIECE], left)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = self._limit.left(timeout, httpcore.ConnectTimeout)
        inner = self._inner.start_tls(ssl_context, server_hostname, left)
        return _Stream(inner, self._limit)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Bounded(httpx.SyncByteStream):
    """Stops reading where an answer is too long."""

    def __init__(self, answer: httpcore.Response, request: httpx.Request, most: int) -> None:
        self._answer = answer
        self._request = request
        self._most = most

    def __iter__(self) -> Iterator[bytes]:
        read = 0
        with _in_words(self._request):
            for part in self._answer.iter_stream():
                read += len(part)
                if read > self._most:
                    raise httpx.ReadError("the answer is too long", request=self._request)
                yield part

    def close(self) -> None:
        self._answer.close()
