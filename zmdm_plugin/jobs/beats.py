"""Signs of life: the scheduler asks by way of Redis, and the worker of each queue writes it down.

So a beat says more than that a process exists: scheduler, Redis, worker and database work together.
"""

from __future__ import annotations

from zmdm_plugin.db import run_in_transaction
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.queues import defer_now
from zmdm_plugin.services import leases

PERIOD = 30
"""Seconds; the doctor worries after three of them."""


def ask() -> None:
    """Ask the workers of both queues for a sign."""
    defer_now("beat", once="beat")
    defer_now("push.beat", once="push.beat")


def beat() -> None:
    """A worker of the default queue lives."""
    _beat("worker:default")


def push_beat() -> None:
    """A worker of the push queue lives."""
    _beat("worker:push")


def _beat(name: str) -> None:
    run_in_transaction(lambda: leases.beat(name, "worker", now=utcnow()))
