"""A file that travels for minutes into a bucket keeps the lease of the run that stores it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import sqlalchemy as sa
from flask import Flask

from tests.hosts import ADMINISTRATOR
from tests.services.test_package_kill import DIGEST, SIGNED
from zmdm_plugin import db
from zmdm_plugin.jobs import packages as jobs
from zmdm_plugin.jobs.renewing import THREAD, renewed
from zmdm_plugin.models import JobRun
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import job_runs
from zmdm_plugin.services.job_runs import Claimed
from zmdm_plugin.services.packages import fetching


def claimed(app: Flask, url: str = "https://example.com/editor.pkg") -> Claimed:
    """A run whose lease is over at once."""
    with app.app_context(), db.transaction():
        uid = fetching.start(ADMINISTRATOR, url=url, sha256=DIGEST).uid
    with app.app_context(), db.transaction() as session:
        found = job_runs.claim(uid, now=utcnow())
        session.execute(sa.update(JobRun).values(due_at=utcnow() - timedelta(seconds=1)))
    assert found is not None
    return found


def swept(app: Flask) -> int:
    with app.app_context(), db.transaction():
        return job_runs.sweep(now=utcnow())


def until(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + 20
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def due(app: Flask) -> float:
    with app.app_context():
        run = db.session().scalars(sa.select(JobRun)).one()
        assert run.due_at is not None
        return (run.due_at - utcnow()).total_seconds()


def test_nobody_else_takes_a_run_while_its_lease_is_renewed(any_app: Flask) -> None:
    run = claimed(any_app)
    with any_app.app_context(), renewed(run, every=0.02):
        assert until(lambda: due(any_app) > 60)
        assert swept(any_app) == 0
    with any_app.app_context(), db.transaction() as session:
        session.execute(sa.update(JobRun).values(due_at=utcnow() - timedelta(seconds=1)))
    time.sleep(0.1)
    assert swept(any_app) == 1


def test_a_run_that_was_cancelled_is_renewed_no_more(app: Flask) -> None:
    run = claimed(app)
    with app.app_context(), db.transaction():
        job_runs.cancel(run.uid, now=utcnow())
    with app.app_context(), renewed(run, every=0.01):
        assert until(lambda: THREAD not in {one.name for one in threading.enumerate()})


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def bucket_at(url: str) -> dict[str, str]:
    given = {"BUCKET": "b", "ENDPOINT": url, "ACCESS_KEY": "k", "SECRET_KEY": "s"}
    named = {f"ZMDM_STORAGE_S3_{name}": value for name, value in given.items()}
    return {**named, "ZMDM_STORAGE_S3_REGION": "us-east-1", "ZMDM_PRIVATE_NETWORKS": "127.0.0.0/8"}


def test_the_fetch_job_renews_its_lease_while_the_bucket_takes_the_file(
    make_app: Callable[..., Flask], sqlite_url: str, tmp_path: Path
) -> None:
    renewing: list[bool] = []

    def serve(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        if environ["REQUEST_METHOD"] == "PUT":
            environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            renewing.append(THREAD in {one.name for one in threading.enumerate()})
            start("200 OK", [("Content-Length", "0"), ("ETag", '"1"')])
            return [b""]
        start("200 OK", [("Content-Length", str(len(SIGNED)))])
        return [SIGNED]

    with make_server("127.0.0.1", 0, serve, handler_class=_Quiet) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        app = make_app(sqlite_url, ZMDM_STORAGE_FOLDER=str(tmp_path), **bucket_at(url))
        with app.app_context():
            with db.transaction():
                uid = fetching.start(ADMINISTRATOR, url=f"{url}/e.pkg", sha256=DIGEST).uid
            jobs.fetch(uid)
            assert job_runs.find(uid).state == "done"
        server.shutdown()
    assert renewing == [True]
