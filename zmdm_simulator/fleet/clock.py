"""Runs what is due later: retries, returns after a restart, polls."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable


class Clock:
    """One thread, one heap of (moment, action)."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._stopped = False

    def start(self) -> None:
        """Begin to run what is due."""
        threading.Thread(target=self._run, name="clock", daemon=True).start()

    def stop(self) -> None:
        """Run nothing any more."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Call `action` in so many seconds; it must not block."""
        with self._changed:
            moment = time.monotonic() + seconds
            heapq.heappush(self._heap, (moment, next(self._order), action))
            self._changed.notify()

    def busy(self, within: float) -> bool:
        """Tell whether anything is due within so many seconds."""
        with self._changed:
            return bool(self._heap) and self._heap[0][0] < time.monotonic() + within

    def _run(self) -> None:
        while (action := self._next()) is not None:
            action()

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            while not self._stopped:
                if not self._heap:
                    self._changed.wait()
                    continue
                wait = self._heap[0][0] - time.monotonic()
                if wait <= 0:
                    return heapq.heappop(self._heap)[2]
                self._changed.wait(wait)
        return None
