"""Whoever is killed while a package comes loses nothing and leaves nothing behind for long."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.hosts import ADMINISTRATOR
from tests.software import pkg
from zmdm_plugin import db
from zmdm_plugin.jobs import packages as jobs
from zmdm_plugin.models import JobRun, Package, StoredFile
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import job_runs
from zmdm_plugin.services.packages import fetching
from zmdm_plugin.services.storage import backends, files, incoming
from zmdm_plugin.web import packages

SIGNED = pkg(padding_bytes=400_000)
DIGEST = hashlib.sha256(SIGNED).hexdigest()


@pytest.fixture
def app(sqlite_url: str, tmp_path: Path, make_app: Callable[..., Flask]) -> Flask:
    return make_app(
        sqlite_url, ZMDM_STORAGE_FOLDER=str(tmp_path), ZMDM_PRIVATE_NETWORKS="127.0.0.0/8"
    )


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def killed(work: Callable[[], object], started: list[int] | None = None) -> None:
    """Do this in another process, which does not survive it."""
    child = os.fork()
    if started is not None and child:
        started.append(child)
    if child == 0:
        try:
            work()
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def half() -> Iterator[bytes]:
    yield SIGNED[:200_000]
    die()


def fetch(app: Flask, uid: str) -> None:
    with app.app_context():
        jobs.fetch(uid)


def kept(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session().scalars(sa.select(Package.sha256)))


def test_an_upload_that_is_killed_halfway_keeps_nothing(app: Flask, tmp_path: Path) -> None:
    def upload() -> None:
        with app.app_context():
            packages.take(half(), actor=ADMINISTRATOR)

    killed(upload)
    assert kept(app) == []
    (left,) = (tmp_path / "incoming").iterdir()
    yesterday = time.time() - 25 * 3600
    os.utime(left, (yesterday, yesterday))
    with app.app_context():
        jobs.tidy()
    assert list((tmp_path / "incoming").iterdir()) == []


def test_an_upload_that_is_killed_before_its_row_is_tidied_or_done_again(app: Flask) -> None:
    def upload() -> None:
        with app.app_context(), incoming.receive([SIGNED], most=10**7) as received:
            with db.transaction():
                files.announce(received.sha256, received.size, now=utcnow())
            backends.current().put(received.sha256, received.path)
            die()

    killed(upload)
    with app.app_context():
        first = packages.take([SIGNED], actor=ADMINISTRATOR)
        assert packages.take([SIGNED], actor=ADMINISTRATOR) == first
    assert kept(app) == [DIGEST]
    with app.app_context(), db.transaction() as session:
        session.execute(sa.delete(Package))
        session.execute(sa.update(StoredFile).values(touched_at=utcnow() - timedelta(days=2)))
    with app.app_context():
        jobs.tidy()
        assert backends.current().size(DIGEST) is None


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def test_a_worker_that_is_killed_while_it_fetches_goes_on_where_it_was(app: Flask) -> None:
    asked: list[int] = []
    workers: list[int] = []

    def serve(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        first = int(environ["HTTP_RANGE"].removeprefix("bytes=").rstrip("-"))
        asked.append(first)
        if asked == [0, 150_000]:
            os.kill(workers[0], signal.SIGKILL)
        part = SIGNED[first : first + 150_000]
        span = f"bytes {first}-{first + len(part) - 1}/{len(SIGNED)}"
        start("206 Partial Content", [("Content-Range", span), ("Content-Length", str(len(part)))])
        return [part]

    with make_server("127.0.0.1", 0, serve, handler_class=_Quiet) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        with app.app_context(), db.transaction():
            url = f"http://127.0.0.1:{server.server_port}/editor.pkg"
            uid = fetching.start(ADMINISTRATOR, url=url, sha256=DIGEST).uid
        killed(lambda: fetch(app, uid), workers)
        with app.app_context(), db.transaction() as session:
            session.execute(sa.update(JobRun).values(due_at=utcnow() - timedelta(seconds=1)))
            assert job_runs.sweep(now=utcnow()) == 1
        fetch(app, uid)
        server.shutdown()
    assert asked[:3] == [0, 150_000, 150_000]
    assert kept(app) == [DIGEST]
