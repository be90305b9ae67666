"""How a process of ours is asked to end: TERM, INT and HUP set a mark that long work looks at.

A plain mark and short naps: a lock (threading.Event has one) may be held by the very code that the
signal has interrupted.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

from zmdm_plugin.state import state

_NAP = 0.1


class Stop:
    """The mark of one process; `state().cache["stop"]` while a worker or scheduler runs."""

    def __init__(self) -> None:
        self.requested = False

    def listen(self, told: Callable[[], None] = lambda: None) -> None:
        """Take over the signals; `told` runs in the first one's handler."""

        def handle(*_: object) -> None:
            first, self.requested = not self.requested, True
            if first:
                told()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, handle)

    def wait(self, seconds: float) -> None:
        """Sleep, but not past the request."""
        end = time.monotonic() + seconds
        while not self.requested and (left := end - time.monotonic()) > 0:
            time.sleep(min(_NAP, left))


def current() -> Stop:
    """The mark of this process; one that nobody sets where no worker runs."""
    found = state().cache.get("stop")
    return found if isinstance(found, Stop) else Stop()
