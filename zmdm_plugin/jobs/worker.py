"""The RQ worker: one process, which outlives Redis and the database and stops in silence."""

from __future__ import annotations

import logging
import os
import socket
import time

import redis
from flask import Flask
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer

from zmdm_plugin import queues
from zmdm_plugin.errors import ConfigError
from zmdm_plugin.jobs.stopping import Stop
from zmdm_plugin.services import apns_pool
from zmdm_plugin.state import state_of

log = logging.getLogger(__name__)

NAMES = {"default": queues.DEFAULT, "push": queues.PUSH}
_AGAIN = 1.0
"""Seconds until a worker that has lost Redis begins anew."""
_GRACE = 1.5
"""Seconds that a batch of pushes gets to end once the worker has been told to stop."""


class ContextWorker(SimpleWorker):
    """Runs each job in an application context of its own, in this process, so that APNs
    connections stay warm and no session outlives its job."""

    flask_app: Flask
    busy = False
    max_connection_wait_time = 2.0

    def subscribe(self) -> None:
        """Commands by pub/sub are not offered: that saves a thread that Redis' absence upsets."""

    def unsubscribe(self) -> None:
        """There is nothing to end."""

    def _install_signal_handlers(self) -> None:
        """`work` has installed ours: RQ's talk to Redis from within the handler."""

    def execute_job(self, job: Job, queue: Queue) -> None:
        self.busy = True
        try:
            super().execute_job(job, queue)
        finally:
            self.busy = False
        if self._stop_requested:
            raise StopRequested

    def perform_job(self, job: Job, queue: Queue, execution: Execution) -> bool:
        with self.flask_app.app_context():
            return super().perform_job(job, queue, execution)


def work(app: Flask, names: list[str]) -> None:
    """Run jobs of these queues until TERM, INT or HUP; a Redis that goes away is waited for."""
    url = state_of(app).settings.redis_url
    if not url:
        raise ConfigError("ZMDM_REDIS_URL is empty: a worker has nothing to listen to")
    running = _Running(app)
    try:
        while not running.stop.requested:
            running.worker = _worker(app, url, names)
            try:
                running.worker.work(logging_level="WARNING")
            except redis.RedisError as error:
                if not running.stop.requested:
                    log.warning("Redis does not answer (%s); trying again", type(error).__name__)
            running.stop.wait(_AGAIN)
    except StopRequested:
        pass  # the signal came while nothing was listened to
    finally:
        apns_pool.close(state_of(app))


class _Running:
    """This process, as its signal handler sees it."""

    def __init__(self, app: Flask) -> None:
        self.worker: ContextWorker | None = None
        self.stop = Stop()
        self._state = state_of(app)
        self._state.cache["stop"] = self.stop
        self.stop.listen(self._told)

    def _told(self) -> None:
        """A job at work sees the mark and ends soon; a worker that waits is called away."""
        if self.worker is None or not self.worker.busy:
            raise StopRequested
        self.worker._stop_requested = True
        apns_pool.hurry(self._state, grace=_GRACE)


def _worker(app: Flask, url: str, names: list[str]) -> ContextWorker:
    connection = redis.Redis.from_url(
        url, socket_connect_timeout=2, health_check_interval=30, retry=Retry(NoBackoff(), 1)
    )
    worker = ContextWorker(
        [NAMES[name] for name in names],
        connection=connection,
        serializer=JSONSerializer,
        name=f"zmdm-{'-'.join(names)}-{socket.gethostname()}-{os.getpid()}-{time.time_ns()}",
    )
    worker.flask_app = app
    return worker
