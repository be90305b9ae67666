"""metrics.count: events and the fleet are counted by a job, so that a scrape need not do it."""

from __future__ import annotations

from zmdm_plugin.db import run_in_transaction
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.metrics import counters, kept

PERIOD = 60
_CHUNKS = 50
"""Of one run: a first one over an old table goes on with the next."""


def count() -> None:
    """The fleet as it is, then what is new, chunk by chunk, each in a transaction of its own."""
    run_in_transaction(lambda: kept.refresh(now=utcnow()))
    for _ in range(_CHUNKS):
        if not run_in_transaction(lambda: counters.count(now=utcnow())):
            return
