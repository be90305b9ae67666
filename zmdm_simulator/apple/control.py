"""The control plane of the played Apple: plain HTTP/1.1 for devices, tests and operators.

GET  /ready             200 once pushes are taken
GET  /pushes?after=N    waits up to 20 s (wait=S for less), then {"next": M, "pushes": […]}
GET  /stats             counts by answer
POST /faults            a fault document (zmdm_simulator.apple.faults); GET shows what is in force
POST /goaway, /drop     GOAWAY on, or silent end of, every connection now
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from urllib.parse import parse_qs, urlsplit

from zmdm_simulator.apple.faults import BadFaults, Faults
from zmdm_simulator.apple.ledger import Ledger
from zmdm_simulator.apple.push_connection import PushConnection

LONG_POLL = 20.0  # seconds
MAX_HEAD = 16_384  # bytes
MAX_BODY = 4_000_000  # bytes: scripts for very many tokens
Answer = tuple[int, object]


@dataclass(frozen=True, slots=True)
class Request:
    """A control request: what was asked, with its query's last values and its body."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes


class Control:
    """Answers control requests from the ledger and changes the faults."""

    def __init__(self, faults: Faults, ledger: Ledger, peers: set[PushConnection]) -> None:
        self._faults = faults
        self._ledger = ledger
        self._peers = peers
        self._clients: set[asyncio.StreamWriter] = set()
        self._routes: dict[tuple[str, str], Callable[[Request], Awaitable[Answer]]] = {
            ("GET", "/ready"): self._ready,
            ("GET", "/pushes"): self._pushes,
            ("GET", "/stats"): self._stats,
            ("GET", "/faults"): self._show_faults,
            ("POST", "/faults"): self._set_faults,
            ("POST", "/goaway"): self._goaway,
            ("POST", "/drop"): self._drop,
        }

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection, which may stay open between them."""
        self._clients.add(writer)
        try:
            while (request := await _read(reader)) is not None:
                writer.write(_written(*await self._answer(request)))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass  # a client that leaves or talks nonsense loses its connection, no more
        finally:
            self._clients.discard(writer)
            writer.close()

    def close(self) -> None:
        """End every conversation, also those that wait for pushes."""
        for client in self._clients:
            client.close()
        self._ledger.release()

    async def _answer(self, request: Request) -> Answer:
        route = self._routes.get((request.method, request.path))
        if route is None:
            return 404, {"error": f"no {request.method} {request.path} here"}
        try:
            return await route(request)
        except (BadFaults, ValueError) as error:
            return 400, {"error": str(error)}

    async def _ready(self, request: Request) -> Answer:
        return 200, {"ready": True}

    async def _pushes(self, request: Request) -> Answer:
        after = int(request.query.get("after", "0"))
        wait = min(float(request.query.get("wait", LONG_POLL)), LONG_POLL)
        found = await self._ledger.wait(after, wait)
        pushes = [push.as_json() for push in found]
        return 200, {"next": self._ledger.next_after(after, found), "pushes": pushes}

    async def _stats(self, request: Request) -> Answer:
        return 200, self._ledger.stats()

    async def _show_faults(self, request: Request) -> Answer:
        return 200, asdict(self._faults)

    async def _set_faults(self, request: Request) -> Answer:
        self._faults.apply(json.loads(request.body))
        return 200, asdict(self._faults)

    async def _goaway(self, request: Request) -> Answer:
        peers = list(self._peers)
        for peer in peers:
            peer.leave()
        return 200, {"connections": len(peers)}

    async def _drop(self, request: Request) -> Answer:
        peers = list(self._peers)
        for peer in peers:
            peer.drop()
        return 200, {"connections": len(peers)}


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    if len(head) > MAX_HEAD:
        raise ValueError("the head is too long")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    fields = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines if line)
    }
    length = int(fields.get("content-length", "0"))
    if not 0 <= length <= MAX_BODY:
        raise ValueError("the body is too long")
    body = await reader.readexactly(length)
    parts = urlsplit(target)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    return Request(method, parts.path, query, body)


def _written(status: int, value: object) -> bytes:
    body = json.dumps(value).encode()
    reason = {200: "OK", 400: "Bad Request", 404: "Not Found"}[status]
    head = (
        f"HTTP/1.1 {status} {reason}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
