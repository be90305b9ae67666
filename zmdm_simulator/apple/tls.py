"""TLS of the played push service, by hand on OpenSSL's memory buffers.

asyncio's own server closes a failed handshake without the alert that says why, and what a sender
makes of Apple's alerts is just what the played service is for.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Protocol

READ = 262_144  # bytes
HANDSHAKE = 20.0  # seconds


class Inside(Protocol):
    """The protocol inside: as asyncio's, on a `TlsTransport`."""

    def connection_made(self, transport: TlsTransport) -> None:
        """Begin: the handshake is done and the client's certificate verified."""
        ...

    def data_received(self, data: bytes) -> None:
        """Take decrypted bytes."""
        ...

    def connection_lost(self) -> None:
        """End."""
        ...


class TlsTransport(asyncio.Protocol):
    """Outside asyncio's protocol of a TCP connection, inside the transport of decrypted bytes."""

    def __init__(
        self, context: ssl.SSLContext, factory: Callable[[], Inside], living: set[TlsTransport]
    ) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._factory = factory
        self._living = living
        self._inside: Inside | None = None
        self._tcp: asyncio.Transport
        self._limit: asyncio.TimerHandle

    # -- outside

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the handshake, but not for ever."""
        assert isinstance(transport, asyncio.Transport)
        self._tcp = transport
        self._living.add(self)
        self._limit = asyncio.get_running_loop().call_later(HANDSHAKE, transport.abort)

    def data_received(self, data: bytes) -> None:
        """Take encrypted bytes."""
        self._incoming.write(data)
        try:
            if self._inside is None:
                self._shake_hands()
            self._read()
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLError:
            self._flush()  # the alert
            self._tcp.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the protocol inside, if it ever began."""
        self._limit.cancel()
        self._living.discard(self)
        if self._inside is not None:
            self._inside.connection_lost()

    # -- inside

    def client_certificate(self) -> dict[str, object]:
        """Give what `ssl` tells of the verified client certificate."""
        return dict(self._tls.getpeercert() or {})

    def write(self, data: bytes) -> None:
        """Encrypt and send."""
        self._tls.write(data)
        self._flush()

    def is_closing(self) -> bool:
        """Tell whether writing has become pointless."""
        return self._tcp.is_closing()

    def close(self) -> None:
        """Say the TLS goodbye and close once all is written."""
        if not self._tcp.is_closing():
            try:
                self._tls.unwrap()
            except ssl.SSLError:
                pass  # it wants the peer's goodbye, for which nobody waits
            self._flush()
            self._tcp.close()

    def abort(self) -> None:
        """End without a word."""
        self._tcp.abort()

    def pause_reading(self) -> None:
        """Leave what comes in the socket."""
        self._tcp.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        self._tcp.resume_reading()

    def _shake_hands(self) -> None:
        self._tls.do_handshake()
        self._limit.cancel()
        self._flush()
        if self._tls.selected_alpn_protocol() != "h2":
            self._tcp.close()
            return
        self._inside = self._factory()
        self._inside.connection_made(self)

    def _read(self) -> None:
        while self._inside is not None and not self._tcp.is_closing():
            data = self._tls.read(READ)
            if not data:
                self.close()
                return
            self._inside.data_received(data)

    def _flush(self) -> None:
        if data := self._outgoing.read():
            self._tcp.write(data)
