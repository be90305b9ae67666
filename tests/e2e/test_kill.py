"""Killed workers, a Redis that goes and comes, a PostgreSQL that restarts: nothing is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from tests import hosts
from tests.daemons import Daemons, ended, said
from tests.processes import wait_until
from tests.pushing import Pushing, lay_pushing, settings_for
from tests.servers import Postgres, Redis
from zmdm_plugin import db
from zmdm_plugin.actors import SYSTEM
from zmdm_plugin.models import Channel, ChannelCommand, Lease
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import command_queue
from zmdm_simulator.apple.service import PlayedAppleThread

pytestmark = pytest.mark.slow
MANY = 1000


@dataclass
class Scene:
    """An application, its servers and its processes, all of this test's own."""

    pushing: Pushing
    daemons: Daemons
    postgres: Postgres
    redis: Redis

    def order(self, ids: list[int]) -> None:
        """One command for each of these channels, which wakes it."""
        with self.pushing.transaction():
            for channel in db.session().scalars(sa.select(Channel).where(Channel.id.in_(ids))):
                command_queue.enqueue(channel, "ProfileList", {}, actor=SYSTEM)

    def pushed(self) -> int:
        """How many channels Apple has taken a push for."""
        return len(set(self.pushing.pushed()))

    def waits(self) -> int:
        """How many channels are still to be pushed."""
        with self.pushing.app.app_context():
            due = sa.select(sa.func.count()).where(Channel.push_due_at.is_not(None))
            return db.session().scalar(due) or 0

    def all_pushed(self) -> bool:
        return self.pushed() == MANY and not self.waits()

    def until_pushed(self, count: int) -> None:
        wait_until(lambda: self.pushed() >= count, what=f"{count} pushes", seconds=90)

    def restart_postgres(self) -> None:
        self.postgres.stop()
        self.postgres.start()
        hosts.close(self.pushing.app)  # this process is not what is tried here

    def holder(self) -> str | None:
        """Who holds the scheduler's lease."""
        with self.pushing.app.app_context():
            return db.session().scalar(sa.select(Lease.holder))


@pytest.fixture
def scene(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    make_app: Callable[..., Flask],
    own_postgres: Postgres,
    own_redis: Redis,
) -> Iterator[Scene]:
    url = own_postgres.create().render_as_string(hide_password=False)
    hosts.migrate(url)
    with ExitStack() as stack:
        apple = PlayedAppleThread(tmp_path_factory.mktemp("apple")).start()
        stack.callback(apple.stop)
        settings = {
            **settings_for(apple),
            "ZMDM_REDIS_URL": own_redis.url,
            "ZMDM_PUSH_LEASE": 6,
            "ZMDM_SWEEP_INTERVAL": 1,
        }
        pushing = stack.enter_context(lay_pushing(make_app(url, **settings), apple))
        daemons = stack.enter_context(Daemons(tmp_path, url, settings))
        yield Scene(pushing, daemons, own_postgres, own_redis)


def test_every_channel_is_pushed_whatever_is_killed(scene: Scene) -> None:
    ids = scene.pushing.channels(MANY)
    scene.pushing.apple.faults(latency=0.1, max_concurrent_streams=50)
    worker = scene.daemons.worker()
    scene.daemons.scheduler("--lease", "3")
    scene.pushing.order_all(ids)
    scene.until_pushed(100)
    worker.kill()
    assert scene.pushed() < MANY
    scene.redis.stop()
    scene.order(ids[:100])  # who has no Redis can still order
    scene.redis.start()
    second = scene.daemons.worker()
    scene.until_pushed(400)
    scene.restart_postgres()
    wait_until(scene.all_pushed, what="every push", seconds=120)
    assert second.process is not None and second.process.poll() is None
    with scene.pushing.app.app_context():
        rows = db.session().scalars(sa.select(ChannelCommand)).all()
        orders = Counter(row.channel_id for row in rows if row.state != "superseded")
    assert orders == dict.fromkeys(ids, 1) | dict.fromkeys(ids[:100], 2)


def test_a_worker_outlives_redis(scene: Scene) -> None:
    scene.daemons.worker()
    [one, two] = scene.pushing.channels(2)
    scene.order([one])
    scene.until_pushed(1)
    scene.redis.stop()
    scene.redis.start()
    scene.order([two])
    scene.until_pushed(2)


def test_another_scheduler_takes_over_from_a_killed_one(scene: Scene) -> None:
    first = scene.daemons.scheduler("--lease", "2")
    wait_until(lambda: scene.holder() is not None, what="the first", seconds=90)
    was = scene.holder()
    scene.daemons.scheduler("--lease", "2")
    first.kill()
    wait_until(lambda: scene.holder() not in (None, was), what="the second", seconds=90)
    scene.pushing.channels(plan_due_at=utcnow() - timedelta(minutes=1))
    wait_until(lambda: scene.waits() == 1, what="a sweep")


def test_a_scheduler_outlives_postgresql_and_gives_its_lease_back(scene: Scene) -> None:
    scheduler = scene.daemons.scheduler("--lease", "2")
    wait_until(lambda: scene.holder() is not None, what="the lease", seconds=90)
    scene.postgres.stop()
    wait_until(lambda: "the scheduler waits" in said(scheduler), what="an outage")
    scene.postgres.start()
    hosts.close(scene.pushing.app)
    scene.pushing.channels(plan_due_at=utcnow() - timedelta(minutes=1))
    wait_until(lambda: scene.waits() == 1, what="a sweep")
    scheduler.process.terminate()  # type: ignore[union-attr]
    assert ended(scheduler) == 0
    assert scene.holder() is None and "Traceback" not in said(scheduler)
