"""HTTP to addresses that operators give: checked places, bounded answers, no redirects."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator, Sequence

import httpx

from zmdm_plugin.clients import places

TIMEOUT = 5.0
"""Seconds for each step of a request."""
WHOLE = 15.0
"""Seconds for a request until the last byte of its answer."""
MOST = 512 * 1024
"""Bytes of an answer."""


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
        context = ssl.create_default_context()
        if ca_pem:
            context = ssl.create_default_context(cadata=ca_pem)
        self._inner = httpx.HTTPTransport(verify=context, trust_env=False)
        self._private = private
        self._most, self._whole = most, whole

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        until = time.monotonic() + self._whole
        host = request.url.host
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        try:
            addresses = places.resolve(host, port, private=self._private)
        except places.Unreachable as error:
            raise httpx.ConnectError(str(error), request=request) from error
        name = request.url.raw_host
        for number, address in enumerate(addresses, start=1):
            request.url = request.url.copy_with(host=address)
            request.extensions = {**request.extensions, "sni_hostname": name.decode("ascii")}
            try:
                response = self._inner.handle_request(request)
            except httpx.ConnectError:
                if number == len(addresses):
                    raise
                continue
            return httpx.Response(
                response.status_code,
                headers=response.headers,
                stream=_Bounded(response, until, self._most),
                extensions=response.extensions,
            )
        raise httpx.ConnectError(f"{host} has no address", request=request)

    def close(self) -> None:
        self._inner.close()


class _Bounded(httpx.SyncByteStream):
    """Stops reading where an answer is too long or takes too long."""

    def __init__(self, response: httpx.Response, until: float, most: int) -> None:
        self._response = response
        self._until = until
        self._most = most

    def __iter__(self) -> Iterator[bytes]:
        read = 0
        stream = self._response.stream
        assert isinstance(stream, httpx.SyncByteStream)
        for part in stream:
            read += len(part)
            if read > self._most:
                raise httpx.ReadError("the answer is too long")
            if time.monotonic() > self._until:
                raise httpx.ReadTimeout("the answer takes too long")
            yield part

    def close(self) -> None:
        self._response.close()
