"""What the services that are played over HTTP have in common: threads, TLS, answers."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from zmdm_simulator.apple.material import Material

LONGEST = 64_000_000
"""Bytes of a request: control requests carry whole fleets."""


class PlayedHandler(BaseHTTPRequestHandler):
    """Answers the requests of one service, which the class made for it names `the_service`."""

    protocol_version = "HTTP/1.1"
    timeout = 60
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def read_body(self) -> bytes | None:
        """The request's body, or None if it is longer than any may be; the connection ends then."""
        length = int(self.headers.get("Content-Length") or 0)
        if 0 <= length <= LONGEST:
            return self.rfile.read(length)
        self.close_connection = True
        return None

    def send_json(self, status: int, value: Any, headers: Mapping[str, str] | None = None) -> None:
        """Answer with a document."""
        kind = {"Content-Type": "application/json", **(headers or {})}
        self.send(status, json.dumps(value).encode(), kind)

    def send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Answer with these bytes; their length is added."""
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class PlayedService:
    """Listens in threads of its own; a second `start` listens on the same port again."""

    def __init__(self, handler: type[PlayedHandler], *, tls: Material | None = None) -> None:
        """With keys and certificates it speaks TLS, else plain HTTP."""
        self.port = 0
        self._handler = handler
        self._tls = tls
        self._server: ThreadingHTTPServer
        self._thread: threading.Thread

    def start(self, *, host: str = "127.0.0.1", port: int = 0) -> Self:
        """Listen; 0 is any free port, or the one it had."""
        handler = type("Handler", (self._handler,), {"the_service": self})
        self._server = _Server((host, port or self.port), handler)
        if self._tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(
                self._tls.path("apns-server.pem"), self._tls.path("apns-server-key.pem")
            )
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    @property
    def url(self) -> str:
        """The base URL."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that does not trust us, or leaves, is nothing to print a traceback for."""
