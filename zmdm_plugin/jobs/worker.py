"""The processes that run jobs: an RQ worker per queue, and the one scheduler."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from datetime import timedelta

import redis
from flask import Flask
from rq import Queue, SimpleWorker
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer

from zmdm_plugin import queues
from zmdm_plugin.db import run_in_transaction
from zmdm_plugin.errors import ConfigError
from zmdm_plugin.jobs import JOBS, SCHEDULE
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import leases
from zmdm_plugin.state import state_of

log = logging.getLogger(__name__)

NAMES = {"default": queues.DEFAULT, "push": queues.PUSH}
_LEASE = timedelta(seconds=30)


class ContextWorker(SimpleWorker):
    """Runs each job in an application context of its own, in this process, so that APNs
    connections stay warm and no session outlives its job."""

    flask_app: Flask

    def perform_job(self, job: Job, queue: Queue, execution: Execution) -> bool:
        with self.flask_app.app_context():
            return super().perform_job(job, queue, execution)


def work(app: Flask, names: list[str]) -> None:
    """Run jobs of these queues until TERM; a Redis that goes away is waited for."""
    url = state_of(app).settings.redis_url
    if not url:
        raise ConfigError("ZMDM_REDIS_URL is empty: a worker has nothing to listen to")
    stopping = threading.Event()
    while not stopping.is_set():
        connection = redis.Redis.from_url(url, socket_connect_timeout=2, health_check_interval=30)
        worker = ContextWorker(
            [NAMES[name] for name in names],
            connection=connection,
            serializer=JSONSerializer,
            name=f"zmdm-{'-'.join(names)}-{socket.gethostname()}-{os.getpid()}-{time.time_ns()}",
        )
        worker.flask_app = app
        try:
            worker.work(logging_level="WARNING")
            return
        except redis.RedisError as error:
            log.warning("Redis does not answer (%s); trying again", type(error).__name__)
            stopping.wait(2)


def schedule(app: Flask) -> None:
    """Run the SCHEDULE until TERM, in one process at a time: the one that holds the lease."""
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stopping.set())
    holder = f"{socket.gethostname()}-{os.getpid()}"
    periods = {job: period(state_of(app).settings) for job, period in SCHEDULE.items()}
    due = dict.fromkeys(periods, 0.0)
    while not stopping.is_set():
        with app.app_context():
            if _holds(holder):
                _run_due(due, periods)
        stopping.wait(1)
    with app.app_context():
        run_in_transaction(lambda: leases.release("scheduler", holder))


def _holds(holder: str) -> bool:
    def renew() -> bool:
        now = utcnow()
        held = leases.acquire("scheduler", holder, now=now, lasts=_LEASE)
        if held:
            leases.beat("scheduler", "scheduler", now=now)
        return held

    try:
        return run_in_transaction(renew)
    except Exception:  # the scheduler outlives a database that restarts
        log.exception("the scheduler's lease cannot be renewed; trying again")
        return False


def _run_due(due: dict[str, float], periods: dict[str, int]) -> None:
    for job, period in periods.items():
        if time.monotonic() < due[job]:
            continue
        due[job] = time.monotonic() + period
        try:
            JOBS[job]()
        except Exception:  # one sweep that fails must not end all later ones
            log.exception("scheduled job %s failed", job)
