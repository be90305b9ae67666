"""Work in order: each device does one thing at a time, a few devices do theirs at once."""

from __future__ import annotations

import queue
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from zmdm_simulator.device import SimulatedDevice

# A task of a device: what it does, and on which channel.
Task = tuple[str, str | None]


@dataclass(eq=False)
class Runner:
    """One device and what it has to do; the same task twice in waiting is one task."""

    device: SimulatedDevice
    todo: list[Task] = field(default_factory=list)
    running: bool = False
    failures: int = 0
    away: bool = False  # restarting, locked or off; a task will bring it back
    live_at: float | None = None  # when it will do something for its declarations by itself
    missed: set[str] = field(default_factory=set)  # channels pushed while it was away


class Crew:
    """The threads that do the devices' work."""

    def __init__(self, size: int, perform: Callable[[Runner, Task], None]) -> None:
        self._size, self._perform = size, perform
        self._ready: queue.SimpleQueue[Runner | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._busy = 0
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to work."""
        for number in range(self._size):
            thread = threading.Thread(target=self._work, name=f"crew-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self, patience: float) -> None:
        """Send everybody home; who is still talking after `patience` seconds is left behind."""
        for _ in self._threads:
            self._ready.put(None)
        for thread in self._threads:
            thread.join(patience / max(1, len(self._threads)))

    def submit(self, runner: Runner, task: Task) -> None:
        """Give a device something to do."""
        with self._lock:
            if task not in runner.todo:
                runner.todo.append(task)
            if runner.running:
                return
            runner.running = True
            self._busy += 1
        self._ready.put(runner)

    @property
    def busy(self) -> int:
        """How many devices have something to do."""
        return self._busy

    def _work(self) -> None:
        while (runner := self._ready.get()) is not None:
            task = runner.todo[0]
            with self._lock:
                del runner.todo[0]
            try:
                self._perform(runner, task)
            except Exception:  # noqa: BLE001 - a crew of eight must not shrink by one silently
                traceback.print_exc(file=sys.stderr)
            with self._lock:
                runner.running = bool(runner.todo)
                self._busy -= not runner.running
            if runner.running:
                self._ready.put(runner)
