"""Workers killed in the middle of synchronizing and assigning: the rows become Apple's books."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.daemons import Daemons
from tests.dep_road import Dep, fill, lay_dep, settings_for
from tests.hosts import ADMINISTRATOR
from tests.processes import wait_until
from zmdm_plugin import db, queues
from zmdm_plugin.models import JobRun
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import sweep
from zmdm_plugin.services.dep import sync as syncing
from zmdm_simulator.apple.dep import PlayedDep

pytestmark = pytest.mark.slow
MANY = 3500
"""Four pages, and four requests that assign."""


@dataclass
class Scene:
    """An application on PostgreSQL, connected, and its worker processes."""

    dep: Dep
    daemons: Daemons

    def killed_at(self, path: str, answers: int = 0, *, after: bool = False) -> None:
        """A worker dies while Apple is about its next answer; `after`: once that was done."""
        worker = self.daemons.worker()
        if answers:
            self.dep.played.rule(path=path, times=answers)
        self.dep.played.rule(path=path, latency=30, after=after)
        self.let_the_lease_pass()
        rules = self.dep.played.organization.faults.rules
        wait_until(lambda: not rules, what=f"{answers} answers of {path}", seconds=60)
        assert self.open_runs(), "the worker was faster than its death"
        worker.kill()

    def let_the_lease_pass(self) -> None:
        """What the scheduler's sweep does once the dead one has been silent for long enough."""
        with self.dep.app.app_context(), db.transaction() as session:
            open_run = JobRun.finished_at.is_(None)
            session.execute(sa.update(JobRun).where(open_run).values(due_at=utcnow()))
            sweep.STEPS["runs"](now=utcnow())

    def forget_wake_ups(self) -> None:
        """Redis loses what it had."""
        with self.dep.app.app_context():
            client = queues.connection()
            assert client is not None
            client.flushdb()

    def open_runs(self) -> int:
        with self.dep.app.app_context():
            query = sa.select(sa.func.count(JobRun.id)).where(JobRun.finished_at.is_(None))
            return db.session().scalar(query) or 0

    def finish(self) -> None:
        """Somebody who is not killed does the rest."""
        worker = self.daemons.worker()
        self.let_the_lease_pass()
        wait_until(lambda: not self.open_runs(), what="the end", seconds=90)
        worker.stop()


@pytest.fixture
def scene(
    tmp_path: Path, make_app: Callable[..., Flask], pg_url: str, redis_url: str
) -> Iterator[Scene]:
    played = PlayedDep().start()
    settings: dict[str, object] = {"ZMDM_REDIS_URL": redis_url, **settings_for(played)}
    app = make_app(pg_url, **settings)
    with lay_dep(app, played) as dep, Daemons(tmp_path, pg_url, settings) as daemons:
        yield Scene(dep, daemons)
    played.stop()


def test_a_worker_killed_in_any_step_converges_to_the_books_of_apple(scene: Scene) -> None:
    dep = scene.dep
    gone = fill(dep.played, 2, first=MANY)
    dep.sync()
    fill(dep.played, MANY)
    dep.played.organization.remove(gone)
    dep.default(dep.enrollment("Staff"))
    with dep.app.app_context(), db.transaction():
        syncing.start(dep.server_id, ADMINISTRATOR, full=True, now=utcnow())
    scene.forget_wake_ups()  # each worker listens before there is anything to do
    scene.killed_at("/account")
    scene.killed_at("/server/devices", 2)
    scene.killed_at("/devices/sync")
    scene.killed_at("/profile/devices", 1, after=True)
    scene.finish()
    assert dep.differences() == {}
    books = dep.played.organization.server().books.devices.values()
    assert {one["profile_status"] for one in books} == {"assigned"} and len(books) == MANY
    assert dep.device(gone[0]).deleted_at is not None
    kinds = [kind for kind, _ in dep.events()]
    assert kinds.count("dep_device.added") == MANY + 2
    assert kinds.count("dep_device.assigned") == MANY
