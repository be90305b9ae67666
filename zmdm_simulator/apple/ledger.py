"""What the played push service took and answered: a ring of pushes that devices wait on, counts."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from dataclasses import dataclass
from itertools import islice

from zmdm_simulator.apple.rules import Accepted, Refused

RING = 200_000  # pushes kept for devices that come late
PAGE = 10_000  # pushes in one answer


@dataclass(frozen=True, slots=True)
class Push:
    """An accepted push, numbered from 1."""

    seq: int
    accepted: Accepted

    def as_json(self) -> dict[str, object]:
        """Give the shape that `GET /pushes` promises to devices."""
        taken = self.accepted
        return {
            "seq": self.seq,
            "token": taken.token,
            "magic": taken.magic,
            "topic": taken.topic,
            "expiration": taken.expiration,
            "priority": taken.priority,
        }


class Ledger:
    """Belongs to one event loop; all calls come from it."""

    def __init__(self) -> None:
        self._ring: deque[Push] = deque(maxlen=RING)
        self._last = 0
        self._waiting: list[asyncio.Future[None]] = []
        self.answers: Counter[str] = Counter()
        self.connections = 0
        self.streams = 0

    def take(self, verdict: Accepted | Refused) -> None:
        """Note an answer that goes out, and wake whoever waits for pushes."""
        if isinstance(verdict, Refused):
            self.answers[verdict.reason] += 1
            return
        self.answers["ok"] += 1
        self._last += 1
        self._ring.append(Push(self._last, verdict))
        self.release()

    def release(self) -> None:
        """Let everybody who waits look again."""
        while self._waiting:
            waiter = self._waiting.pop()
            if not waiter.done():
                waiter.set_result(None)

    def since(self, after: int) -> list[Push]:
        """List the oldest kept pushes behind a number; one too high means a restart."""
        if after > self._last:
            after = 0
        count = min(self._last - after, len(self._ring))
        start = len(self._ring) - count
        return list(islice(self._ring, start, start + min(count, PAGE)))

    async def wait(self, after: int, seconds: float) -> list[Push]:
        """Wait for a push behind a number, for at most so many seconds."""
        if not (found := self.since(after)):
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await asyncio.wait({waiter}, timeout=seconds)
            waiter.cancel()
            found = self.since(after)
        return found

    def next_after(self, after: int, found: list[Push]) -> int:
        """Name the number to ask with next."""
        return found[-1].seq if found else min(after, self._last)

    def stats(self) -> dict[str, object]:
        """Count by answer ("ok" or the reason), connections and streams."""
        return {
            "answers": dict(self.answers),
            "pushes": self._last,
            "connections": self.connections,
            "streams": self.streams,
        }
