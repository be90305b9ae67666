"""Small host applications for the tests: the ten lines of a host, settings of the test's own."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterable
from typing import ClassVar

import redis
import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from jinja2 import FileSystemBytecodeCache
from rq import Queue
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer
from werkzeug.routing import BaseConverter, Rule
from werkzeug.routing.rules import RulePart

from tests import dialects
from zmdm_plugin import Actor, Zmdm
from zmdm_plugin.jobs.worker import ContextWorker
from zmdm_plugin.migrate import upgrade
from zmdm_plugin.queues import DEFAULT, PUSH

_Parsed = tuple[tuple[RulePart, ...], list[tuple[bool, str]], dict[str, BaseConverter]]
ADMINISTRATOR = Actor(id="user:1", label="admin@example.com", kind="user")

_STORAGE = tempfile.TemporaryDirectory(prefix="zmdm-tests-")
"""Packages of all applications of this process; gone when it ends."""

_TEMPLATES = tempfile.TemporaryDirectory(prefix="zmdm-templates-")

DEFAULTS: dict[str, object] = {
    "SECRET_KEY": "tests only",
    "TESTING": True,
    "ZMDM_BASE_URL": "https://mdm.example.com",
    "ZMDM_SEALING_KEYS": "dGVzdHMgb25seTogbm90IGEga2V5IGZvciBhbnlvbmU=",
    "ZMDM_STORAGE_FOLDER": _STORAGE.name,
}


class _LateRule(Rule):
    """A rule that is parsed once per process, and compiles its builder with its first URL.

    Werkzeug does both when the rule is added, which is most of what making an application costs;
    a test that makes one of its own builds a handful of the hundreds of URLs. If Werkzeug renames
    the methods, this does nothing.
    """

    _parsed: ClassVar[dict[object, _Parsed]] = {}

    def _parse_rule(self, rule: str) -> Iterable[RulePart]:
        assert self.map is not None
        key = (rule, *self.map.converters.items())
        if key not in self._parsed:
            begin = len(self._trace)
            parts = tuple(super()._parse_rule(rule))
            self._parsed[key] = parts, self._trace[begin:], self._converters
            return parts
        parts, trace, converters = self._parsed[key]
        self._trace.extend(trace)
        self._converters.update(converters)
        self.arguments.update(converters)
        return parts

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compiled: list[Callable[..., tuple[str, str]]] = []

        def build(rule: Rule, /, **values: str) -> tuple[str, str]:
            if not compiled:
                compiled.append(super(_LateRule, self)._compile_builder(append_unknown))
            return compiled[0](rule, **values)

        return build


class Host(Flask):
    """A Flask application that is quickly made and shows its first page quickly.

    A test makes one for itself, and they are thousands: templates are compiled once per process.
    """

    url_rule_class = _LateRule
    jinja_options = {"bytecode_cache": FileSystemBytecodeCache(_TEMPLATES.name)}


def make_app(database_uri: str, **settings: object) -> Flask:
    """A host that lets its one administrator do everything; `settings` win over the defaults."""
    app = Host("zmdm_test_host")
    app.config.update(DEFAULTS, SQLALCHEMY_DATABASE_URI=database_uri)
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {
        "execution_options": {"compiled_cache": dialects.COMPILED}
    }
    app.config.update(settings)
    db = SQLAlchemy(app)
    Zmdm(db).init_app(
        app,
        authorize=lambda actor, permission, subject: actor == ADMINISTRATOR,
        current_actor=lambda: ADMINISTRATOR,
    )
    if database_uri.startswith("sqlite:"):
        with app.app_context():
            sa.event.listen(db.engine, "connect", _not_synced)
    return app


def _not_synced(connection: sqlite3.Connection, _record: object) -> None:
    """Files of tests need not outlive a loss of power."""
    connection.execute("PRAGMA synchronous=OFF")


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
