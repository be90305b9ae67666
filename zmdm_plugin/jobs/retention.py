"""retention.start and retention.run: forgetting what is old, once a day and in slices."""

from __future__ import annotations

from zmdm_plugin.db import run_in_transaction
from zmdm_plugin.jobs.runs import work_off
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import retention

PERIOD = 3600
"""Seconds between two looks; the service sees to it that one run a day is enough."""


def start() -> None:
    """Begin a run if something is old enough."""
    run_in_transaction(lambda: retention.start_if_due(now=utcnow()))


def run(uid: str) -> None:
    """Work off a run in slices."""
    work_off(uid, retention.step)
