"""wake.fan_out and sweep: marking whole fleets, and what no event triggers."""

from __future__ import annotations

import logging
import time
from functools import partial

from zmdm_plugin.db import run_in_transaction
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.queues import defer_now
from zmdm_plugin.services import sweep as sweeping
from zmdm_plugin.services import wake

log = logging.getLogger(__name__)

SLICE = 45.0
SWEEP_SLICE = 8.0
"""Seconds; well below the scheduler's lease, which is not renewed meanwhile."""


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
    """One look at everything that is due: each step in transactions of its own, and in chunks."""
    end = time.monotonic() + SWEEP_SLICE
    for name, step in sweeping.STEPS.items():
        found = run_in_transaction(partial(step, now=utcnow()))
        while found >= sweeping.CHUNK and time.monotonic() < end:
            found = run_in_transaction(partial(step, now=utcnow()))
        log.debug("sweep: %s %s", name, found)
