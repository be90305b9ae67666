"""Workers killed in the middle of synchronizing and assigning: the rows become Apple's books."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask

from tests.daemons import Daemons
from tests.dep_road import Dep, fill, lay_dep, settings_for
from tests.hosts import ADMINISTRATOR
from tests.processes import wait_until
from zmdm_plugin import db, queues
from zmdm_plugin.models import AdeProfile, JobRun, PushCertificate, ScepIssuer
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import sweep
from zmdm_plugin.services.ade import settings
from zmdm_plugin.services.dep import orders
from zmdm_plugin.services.dep import sync as syncing
from zmdm_plugin.services.dep.listing import DepFilter
from zmdm_simulator.apple.dep import PlayedDep

pytestmark = pytest.mark.slow
MANY = 3500
"""Four pages, and four requests that assign."""
_NEEDED = (PushCertificate, ScepIssuer)


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
        wait_until(lambda: not rules, what=f"{answers} answers of {path}", seconds=120)
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

    def done(self, uid: str) -> int:
        with self.dep.app.app_context():
            return db.session().scalars(sa.select(JobRun.done).where(JobRun.uid == uid)).one()

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


def test_a_worker_killed_while_all_that_match_are_assigned_misses_none_of_them(
    scene: Scene, pg_url: str
) -> None:
    dep = scene.dep
    fill(dep.played, MANY)
    dep.sync()
    staff = dep.enrollment("Staff")
    with dep.app.app_context(), db.transaction():
        run = orders.assign_all(DepFilter(), staff, confirmed=MANY, actor=ADMINISTRATOR)
        uid, last = run.uid, run.arguments["up_to"]
    scene.forget_wake_ups()
    worker = scene.daemons.worker()
    with psycopg.connect(pg_url.replace("+psycopg", "")) as held:
        query = "SELECT 1 FROM zmdm_dep_device WHERE id = %s FOR UPDATE"
        held.execute(query, (last - MANY + 2500,))  # the third step waits for this one
        scene.let_the_lease_pass()
        wait_until(lambda: scene.done(uid) == 2000, what="two steps", seconds=120)
        worker.kill()
    scene.finish()
    assert scene.done(uid) == MANY
    assert dep.differences() == {}
    books = dep.played.organization.server().books.devices.values()
    assert {one["profile_status"] for one in books} == {"assigned"}
    assert [kind for kind, _ in dep.events()].count("dep_device.assigned") == MANY


def ordered(dep: Dep) -> int:
    """An enrollment whose profile is still to be defined; its id."""
    dep.enrollment("Other")  # what every enrollment needs
    with dep.app.app_context(), db.transaction() as session:
        certificate, issuer = (session.scalars(sa.select(one)).one() for one in _NEEDED)
        row = settings.create(
            "Staff",
            {},
            server_id=dep.server_id,
            push_certificate=certificate,
            issuer=issuer,
            actor=ADMINISTRATOR,
        )
        return row.id


def test_a_worker_killed_before_it_notes_that_apple_took_a_profile_knows_of_the_double(
    scene: Scene,
) -> None:
    dep = scene.dep
    fill(dep.played, 3)
    staff = ordered(dep)
    dep.default(staff)
    scene.forget_wake_ups()
    scene.killed_at("/profile", after=True)
    scene.finish()
    dep.sync()
    dep.converge()
    with dep.app.app_context():
        mine = sa.select(AdeProfile).where(AdeProfile.enrollment_id == staff)
        (profile,) = db.session().scalars(mine)
        books = dep.played.organization.server().books
        named = [one for one in books.profiles.values() if one["profile_name"] == "Staff"]
        assert (len(named), profile.unanswered, profile.asked_at) == (2, 1, None)
        assert {one["profile_uuid"] for one in books.devices.values()} == {profile.profile_uuid}
    assert [kind for kind, _ in dep.events("ade_profile.%")] == [
        "ade_profile.unanswered",
        "ade_profile.defined",
    ]
    assert dep.differences() == {}
