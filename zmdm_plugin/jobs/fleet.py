"""wake.fan_out and sweep: marking whole fleets, and what no event triggers."""

from __future__ import annotations

import time

from zmdm_plugin.db import run_in_transaction
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.queues import defer_now
from zmdm_plugin.services import sweep as sweeping
from zmdm_plugin.services import wake

SLICE = 45.0


def fan_out() -> None:
    """Mark chunk by chunk, each in a transaction of its own, and let pushes begin meanwhile."""
    end = time.monotonic() + SLICE
    while run_in_transaction(lambda: wake.fan_out(now=utcnow())):
        defer_now("push.flush", once="push.flush")
        if time.monotonic() > end:
            defer_now("wake.fan_out", once="wake.fan_out")
            return
    defer_now("push.flush", once="push.flush")


def sweep() -> None:
    """One look at everything that is due."""
    run_in_transaction(lambda: sweeping.run(now=utcnow()))
