"""A program that webhooks are sent to: a real HTTP server that keeps what it was told.

with receiving() as there: …          # there.url, there.told, there.statuses to answer with
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
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

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """Decide on one request."""
        self.tries.append((headers, body))
        document = json.loads(body)
        status = self.statuses.pop(0) if self.statuses else 200
        if document["type"] in self.refused:
            status = 400
        if status == 200:
            self.told.append(document)
        return status

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
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(receiver.take(dict(self.headers), body))
            self.send_header("Content-Length", "0")
            self.end_headers()

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
