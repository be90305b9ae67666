"""The scheduler: several may run, the one that holds the lease runs what is due."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import time
from datetime import timedelta

from flask import Flask

from zmdm_plugin.db import outages, run_in_transaction
from zmdm_plugin.errors import Unavailable
from zmdm_plugin.jobs import JOBS, SCHEDULE
from zmdm_plugin.jobs.stopping import Stop
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import leases
from zmdm_plugin.state import state_of

log = logging.getLogger(__name__)

LEASE = 30.0
"""Seconds without a scheduler, at most, after one was killed."""
_TICK = 1.0
_NAME = "scheduler"


def schedule(app: Flask, *, lease: float = LEASE) -> None:
    """Run the SCHEDULE until TERM, INT or HUP, in one process at a time."""
    stop = Stop()
    stop.listen()
    state_of(app).cache["stop"] = stop
    tenure = _Tenure(lease)
    periods = {job: period(state_of(app).settings) for job, period in SCHEDULE.items()}
    due = dict.fromkeys(periods, 0.0)
    while not stop.requested:
        with app.app_context():
            if tenure.holds():
                _run_due(due, periods)
        stop.wait(min(_TICK, lease / 3))
    with app.app_context():
        tenure.end()


class _Tenure:
    """One process's hold on the lease; renewed at a third of its time, not at every tick."""

    def __init__(self, seconds: float) -> None:
        self._holder = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._seconds = seconds
        self._renew_at = 0.0
        self._away = False

    def holds(self) -> bool:
        """Take the lease or keep it; False while another has it or the database is away."""
        now = time.monotonic()
        if now < self._renew_at:
            return True
        try:
            with outages():
                held = run_in_transaction(self._renew)
        except Unavailable as error:
            if not self._away:
                log.warning("the scheduler waits: %s", error)
            self._away = True
            return False
        except Exception:  # the scheduler outlives whatever goes wrong in one tick
            log.exception("the scheduler's lease cannot be renewed; trying again")
            return False
        self._away = False
        self._renew_at = now + self._seconds / 3 if held else 0.0
        return held

    def _renew(self) -> bool:
        now = utcnow()
        lasts = timedelta(seconds=self._seconds)
        held = leases.acquire(_NAME, self._holder, now=now, lasts=lasts)
        if held:
            leases.beat(_NAME, _NAME, now=now)
        return held

    def end(self) -> None:
        """Let another one begin at once; if the database is away the lease ends by itself."""
        try:
            with outages():
                run_in_transaction(lambda: leases.release(_NAME, self._holder))
        except Unavailable as error:
            log.warning("the scheduler's lease is left to end by itself: %s", error)


def _run_due(due: dict[str, float], periods: dict[str, int]) -> None:
    for job, period in periods.items():
        if time.monotonic() < due[job]:
            continue
        due[job] = time.monotonic() + period
        try:
            with outages():
                JOBS[job]()
        except Unavailable as error:
            log.warning("%s is put off: %s", job, error)
        except Exception:  # one sweep that fails must not end all later ones
            log.exception("scheduled job %s failed", job)
