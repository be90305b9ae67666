"""push.flush: work off every channel that is due, in slices that defer the next one."""

from __future__ import annotations

import time

from zmdm_plugin.clients.apns import ApnsClient
from zmdm_plugin.db import run_in_transaction
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.queues import defer_now
from zmdm_plugin.services import apns_pool, push
from zmdm_plugin.state import state

SLICE = 45.0


def flush() -> None:
    """Lease, send, store, until nothing is due or the slice is over.

    Orders for one device go first and at once; a bulk keeps to ZMDM_PUSH_RATE a second.
    """
    end = time.monotonic() + SLICE
    allowance = Allowance(state().settings.push_rate)
    while time.monotonic() < end:
        if _batch(push.BATCH, bulk=False):
            continue
        permitted = allowance.take(push.BATCH)
        sent = _batch(permitted, bulk=True)
        allowance.give_back(permitted - sent)
        if not sent:
            return
    defer_now("push.flush", once="push.flush")


def _batch(limit: int, *, bulk: bool) -> int:
    """Send at most `limit` channels; returns how many were due."""
    now = utcnow()

    def claim() -> tuple[list[push.Leased], dict[int, ApnsClient]]:
        leased = push.lease(now=now, limit=limit, bulk=bulk)
        return leased, apns_pool.clients_for({one.certificate_id for one in leased})

    leased, clients = run_in_transaction(claim)
    if leased:
        answered = push.send(leased, clients, now=now)
        run_in_transaction(lambda: push.store(answered, now=utcnow()))
    return len(leased)


class Allowance:
    """A token bucket of one second's worth: waits until at least one push is permitted."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._left = float(rate)
        self._at = time.monotonic()

    def take(self, wanted: int) -> int:
        """Between 1 and `wanted`, as the rate permits."""
        self._refill()
        if self._left < 1:
            time.sleep((1 - self._left) / self.rate)
            self._refill()
        taken = max(1, min(wanted, int(self._left)))
        self._left -= taken
        return taken

    def give_back(self, unused: int) -> None:
        self._left = min(float(self.rate), self._left + unused)

    def _refill(self) -> None:
        now = time.monotonic()
        self._left = min(float(self.rate), self._left + (now - self._at) * self.rate)
        self._at = now
