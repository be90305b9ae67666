"""A program that webhooks are sent to: a real HTTP server that keeps what it was told.

with receiving() as there: …          # there.url, there.told, there.statuses to answer with
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    """What was received, in order; answers with the given statuses first, then with 200."""

    url: str = ""
    told: list[dict[str, Any]] = field(default_factory=list)
    """Bodies that were taken."""
    tries: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    """Headers and body of every request."""
    statuses: list[int] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    """Types of events that it never takes."""
    takes: float = 0.0
    """Seconds that it thinks about each."""
    connections: int = 0
    stalls_at: int = 0
    stalled: threading.Event = field(default_factory=threading.Event)
    goes_on: threading.Event = field(default_factory=threading.Event)

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """Decide on one request."""
        self.tries.append((headers, body))
        document = json.loads(body)
        status = self.statuses.pop(0) if self.statuses else 200
        if document["type"] in self.refused:
            status = 400
        if status == 200:
            self.told.append(document)
            self._wait_if_told()
        return status

    def stall(self, *, after: int) -> None:
        """Take so many more, and keep the last of them waiting for its answer until `go_on`."""
        self.stalled.clear()
        self.goes_on.clear()
        self.stalls_at = len(self.told) + after

    def go_on(self) -> None:
        self.stalls_at = 0
        self.goes_on.set()

    def _wait_if_told(self) -> None:
        if self.stalls_at and len(self.told) >= self.stalls_at:
            self.stalled.set()
            self.goes_on.wait(60)

    def types(self) -> list[str]:
        return [one["type"] for one in self.told]


def proves(headers: dict[str, str], body: bytes, secret: str) -> bool:
    """Whether the signature is what a receiver works out by itself."""
    at, made = (part.split("=", 1)[1] for part in headers["Zmdm-Signature"].split(","))
    wanted = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(made, wanted)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Serve on a free local port."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            receiver.connections += 1
            super().setup()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(receiver.takes)
            status = receiver.take(dict(self.headers), body)
            with contextlib.suppress(OSError):  # whoever asked may be dead by now
                self.send_response(status)
                self.send_header("Content-Length", "6")
                self.end_headers()
                self.wfile.write(b"thanks")

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
