"""push.flush: work off every channel that is due, in slices that defer the next one."""

from __future__ import annotations

import time
from datetime import timedelta

from zmdm_plugin.clients.apns import ApnsClient
from zmdm_plugin.db import run_in_transaction
from zmdm_plugin.jobs import stopping
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.queues import defer_now
from zmdm_plugin.services import apns_pool, push
from zmdm_plugin.state import state

SLICE = 45.0
_PAUSE = 0.1
"""Seconds for which a bulk gathers its rate; orders for one device wait no longer than this."""


def flush() -> None:
    """Claim, send, store, until nothing is due or the slice is over.

    Orders for one device go first and at once; a bulk keeps to ZMDM_PUSH_RATE a second. When the
    push service is away the sweep tries again, with one batch each time.
    """
    end = time.monotonic() + SLICE
    stop = stopping.current()
    allowance = _allowance()
    while time.monotonic() < end and not stop.requested:
        sent = _batch(push.BATCH, bulk=False)
        if sent is None:
            return
        if sent:
            continue
        if not (permitted := allowance.take(push.BATCH)):
            if not run_in_transaction(lambda: push.is_due(now=utcnow(), bulk=True)):
                return
            stop.wait(_PAUSE)
            continue
        sent = _batch(permitted, bulk=True)
        allowance.give_back(permitted - (sent or 0))
        if not sent:
            return
    defer_now("push.flush", once="push.flush")


def _batch(limit: int, *, bulk: bool) -> int | None:
    """Send at most `limit` channels; how many were due, or None when nobody answers."""
    lasts = timedelta(seconds=state().settings.push_lease)

    def claim() -> tuple[push.Claim, ApnsClient | None] | None:
        claimed = push.claim(now=utcnow(), limit=limit, bulk=bulk, lasts=lasts)
        return None if claimed is None else (claimed, apns_pool.client_of(claimed.certificate_id))

    found = run_in_transaction(claim)
    if found is None:
        return 0
    claimed, client = found
    answered = push.send(claimed, client)
    run_in_transaction(lambda: push.store(claimed, answered, now=utcnow()))
    return None if push.unanswered(answered) else len(answered)


def _allowance() -> Allowance:
    """One per process, so that many short flushes together keep the rate as well."""
    cache = state().cache
    if "push_allowance" not in cache:
        cache["push_allowance"] = Allowance(state().settings.push_rate)
    allowance: Allowance = cache["push_allowance"]
    return allowance


class Allowance:
    """A bucket that fills at `rate` a second and holds one second's worth."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._least = min(rate, max(1, rate // 4))
        self._left = float(rate)
        self._at = time.monotonic()

    def take(self, wanted: int) -> int:
        """At most `wanted`; 0 until it holds a quarter of a second's worth, for few make slow."""
        now = time.monotonic()
        self._left = min(float(self.rate), self._left + (now - self._at) * self.rate)
        self._at = now
        if self._left < self._least:
            return 0
        taken = min(wanted, int(self._left))
        self._left -= taken
        return taken

    def give_back(self, unused: int) -> None:
        self._left = min(float(self.rate), self._left + unused)
