"""The played Apple as a whole: the push service and its control plane on one event loop.

`PlayedApple` runs inside a loop; `PlayedAppleThread` gives tests one in a thread of its own.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from zmdm_simulator.apple.control import Control
from zmdm_simulator.apple.faults import Faults
from zmdm_simulator.apple.ledger import Ledger, Push
from zmdm_simulator.apple.material import Material
from zmdm_simulator.apple.push_connection import PushConnection
from zmdm_simulator.apple.tls import TlsTransport

T = TypeVar("T")


class PlayedApple:
    """Two listeners, one state."""

    def __init__(self, material: Material, *, faults: Faults | None = None) -> None:
        self.material = material
        self.faults = faults or Faults()
        self.ledger = Ledger()
        self.push_port = 0
        self.control_port = 0
        self._peers: set[PushConnection] = set()
        self._transports: set[TlsTransport] = set()
        self._servers: list[asyncio.Server] = []
        self._control = Control(self.faults, self.ledger, self._peers)

    async def start(
        self, *, push_port: int = 0, control_port: int = 0, host: str = "127.0.0.1"
    ) -> None:
        """Listen; a port of 0 means any free one, which the attributes then name."""
        loop, context = asyncio.get_running_loop(), self._tls()
        push = await loop.create_server(
            lambda: TlsTransport(context, self._new_connection, self._transports),
            host,
            push_port,
            backlog=512,
        )
        self._servers.append(push)
        self.push_port = push.sockets[0].getsockname()[1]
        plane = await asyncio.start_server(self._control.serve, host, control_port, backlog=512)
        self._servers.append(plane)
        self.control_port = plane.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening, drop every connection, and wait until all have noticed."""
        for server in self._servers:
            server.close()
        self._servers.clear()
        for transport in self._transports:
            transport.abort()
        self._control.close()
        await asyncio.sleep(0.02)

    def _new_connection(self) -> PushConnection:
        return PushConnection(self.faults, self.ledger, self._peers)

    def _tls(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        path = self.material.path
        context.load_cert_chain(path("apns-server.pem"), path("apns-server-key.pem"))
        context.load_verify_locations(path("push-ca.pem"))
        context.verify_mode = ssl.CERT_REQUIRED
        context.set_alpn_protocols(["h2"])
        context.sni_callback = self._refuse_handshake
        return context

    def _refuse_handshake(
        self, tls: ssl.SSLObject | ssl.SSLSocket, name: str | None, context: ssl.SSLContext
    ) -> int | None:
        """End the handshake with an alert when told to; it is the earliest step we are asked at."""
        return int(ssl.ALERT_DESCRIPTION_INTERNAL_ERROR) if self.faults.refuse_tls else None


class PlayedAppleThread:
    """A played Apple that lives in a thread, so that a test can talk to it over the wire."""

    def __init__(self, folder: Path) -> None:
        self.material = Material(folder).prepare()
        self.push_port = 0
        self.control_port = 0
        self._faults = Faults()
        self._apple: PlayedApple
        self._loop: asyncio.AbstractEventLoop
        self._thread: threading.Thread

    def start(self) -> PlayedAppleThread:
        """Listen, on the same ports as before when this is a restart."""
        self._loop = asyncio.new_event_loop()
        self._apple = PlayedApple(self.material, faults=self._faults)
        self._loop.run_until_complete(
            self._apple.start(push_port=self.push_port, control_port=self.control_port)
        )
        self.push_port, self.control_port = self._apple.push_port, self._apple.control_port
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Drop everything and end the thread."""
        asyncio.run_coroutine_threadsafe(self._apple.stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def url(self) -> str:
        """The push service's base URL."""
        return f"https://127.0.0.1:{self.push_port}"

    @property
    def control_url(self) -> str:
        """The control plane's base URL."""
        return f"http://127.0.0.1:{self.control_port}"

    def faults(self, **changes: Any) -> None:
        """Change the faults in force; see zmdm_simulator.apple.faults."""
        self._call(lambda: self._faults.apply(changes))

    def pushes(self) -> list[Push]:
        """List the accepted pushes, oldest first."""
        return self._call(lambda: self._apple.ledger.since(0))

    def stats(self) -> dict[str, Any]:
        """Count by answer, connections and streams."""
        return self._call(self._apple.ledger.stats)

    def _call(self, function: Callable[[], T]) -> T:
        async def run() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)
