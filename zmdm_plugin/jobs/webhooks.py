"""webhooks.deliver: tell events to whoever wants them, until nothing of it is due any more."""

from __future__ import annotations

import time

import httpx

from zmdm_plugin.clients.outbound import Outbound
from zmdm_plugin.db import run_in_transaction
from zmdm_plugin.jobs import stopping
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.queues import defer_now
from zmdm_plugin.services.webhooks import outbox, sending
from zmdm_plugin.state import state

SLICE = 45.0
"""Seconds. With a batch and an answer more it stays below what RQ gives to a job."""
BATCH = 10.0
"""Seconds, whoever is told: then it is kept how it went, and the next webhook has its turn."""
ANSWER = 10.0
"""Seconds for one answer, to its end."""


def deliver(*, batch: float = BATCH) -> None:
    """Claim, send, store; a killed worker's batch is claimed again once its lease is over."""
    end = time.monotonic() + SLICE
    stop = stopping.current()
    with httpx.Client(transport=_transport(), timeout=ANSWER) as http:
        while time.monotonic() < end and not stop.requested:
            if not _deliver_some(http, stop, batch):
                return
    defer_now(outbox.JOB, once=outbox.JOB)


def _deliver_some(http: httpx.Client, stop: stopping.Stop, seconds: float) -> bool:
    """One batch; False when nothing is due."""
    batch = run_in_transaction(lambda: outbox.claim(now=utcnow()))
    if batch is None:
        return False
    end = time.monotonic() + seconds
    told = list(
        sending.send(batch, http, go_on=lambda: time.monotonic() < end and not stop.requested)
    )
    run_in_transaction(lambda: outbox.store(batch, told, now=utcnow()))
    return True


def _transport() -> httpx.BaseTransport:
    return Outbound(private=state().settings.private_networks, whole=ANSWER)
