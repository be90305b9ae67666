"""Small host applications for the tests: the ten lines of a host, settings of the test's own."""

from __future__ import annotations

import tempfile

import redis
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from rq import Queue
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer

from zmdm_plugin import Actor, Zmdm
from zmdm_plugin.jobs.worker import ContextWorker
from zmdm_plugin.migrate import upgrade
from zmdm_plugin.queues import DEFAULT, PUSH

ADMINISTRATOR = Actor(id="user:1", label="admin@example.com", kind="user")

_STORAGE = tempfile.TemporaryDirectory(prefix="zmdm-tests-")
"""Packages of all applications of this process; gone when it ends."""

DEFAULTS: dict[str, object] = {
    "SECRET_KEY": "tests only",
    "TESTING": True,
    "ZMDM_BASE_URL": "https://mdm.example.com",
    "ZMDM_SEALING_KEYS": "dGVzdHMgb25seTogbm90IGEga2V5IGZvciBhbnlvbmU=",
    "ZMDM_STORAGE_FOLDER": _STORAGE.name,
}


def make_app(database_uri: str, **settings: object) -> Flask:
    """A host that lets its one administrator do everything; `settings` win over the defaults."""
    app = Flask("zmdm_test_host")
    app.config.update(DEFAULTS, SQLALCHEMY_DATABASE_URI=database_uri)
    app.config.update(settings)
    db = SQLAlchemy(app)
    Zmdm(db).init_app(
        app,
        authorize=lambda actor, permission, subject: actor == ADMINISTRATOR,
        current_actor=lambda: ADMINISTRATOR,
    )
    return app


def migrate(database_uri: str) -> None:
    """Bring a database to the newest schema, as `flask zmdm db upgrade` does."""
    app = make_app(database_uri)
    with app.app_context():
        upgrade(app.extensions["sqlalchemy"].engine)
    close(app)


def close(app: Flask) -> None:
    """Close every connection of `app`, so that its database can be copied or dropped."""
    with app.app_context():
        app.extensions["sqlalchemy"].engine.dispose()


class _Worker(ContextWorker):
    """The worker of `flask zmdm worker`, which here leaves the process's signal handlers alone."""

    ran = 0

    def _install_signal_handlers(self) -> None:
        """Ctrl-C belongs to pytest."""

    def perform_job(self, job: Job, queue: Queue, execution: Execution) -> bool:
        self.ran += 1
        return super().perform_job(job, queue, execution)


def run_jobs(app: Flask) -> int:
    """Work off what `app` has deferred, until nothing is left; a job that failed fails the test."""
    with redis.Redis.from_url(app.config["ZMDM_REDIS_URL"]) as client:
        queues = [Queue(name, client, serializer=JSONSerializer) for name in (PUSH, DEFAULT)]
        worker = _Worker(queues, connection=client, serializer=JSONSerializer)
        worker.flask_app = app
        worker.work(burst=True, logging_level="WARNING")
        for queue in queues:
            for job_id in queue.failed_job_registry.get_job_ids():
                job = queue.fetch_job(job_id)
                result = job.latest_result() if job else None
                raise AssertionError(f"{job and job.description}: {result and result.exc_string}")
        return worker.ran
