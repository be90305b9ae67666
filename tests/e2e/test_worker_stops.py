"""Workers and schedulers end soon and in silence, whatever they are doing."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.daemons import Daemons, ended, said
from tests.processes import Child, wait_until
from tests.pushing import Pushing, lay_pushing, settings_for
from tests.servers import Redis
from zmdm_plugin import db
from zmdm_plugin.models import Channel, Lease
from zmdm_plugin.services import wake
from zmdm_simulator.apple.service import PlayedAppleThread

pytestmark = pytest.mark.slow
SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]


@dataclass
class Scene:
    pushing: Pushing
    daemons: Daemons
    redis: Redis


@pytest.fixture
def scene(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    make_app: Callable[..., Flask],
    sqlite_url: str,
    own_redis: Redis,
) -> Iterator[Scene]:
    apple = PlayedAppleThread(tmp_path_factory.mktemp("apple")).start()
    settings = {**settings_for(apple), "ZMDM_REDIS_URL": own_redis.url}
    with lay_pushing(make_app(sqlite_url, **settings), apple) as pushing:
        with Daemons(tmp_path, sqlite_url, settings) as daemons:
            yield Scene(pushing, daemons, own_redis)
    apple.stop()


def assert_ends(child: Child, number: signal.Signals) -> None:
    """It ends with 0, long before what it waits for, and says nothing of it."""
    before = said(child)
    assert child.process is not None
    child.process.send_signal(number)
    assert ended(child, seconds=20) == 0, said(child)
    assert said(child)[len(before) :] == ""


def has_lease(pushing: Pushing) -> bool:
    with pushing.app.app_context():
        return db.session().scalar(sa.select(Lease.name)) is not None


@pytest.mark.parametrize("number", SIGNALS)
def test_a_worker_that_waits_ends_at_once(scene: Scene, number: signal.Signals) -> None:
    assert_ends(scene.daemons.worker(), number)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_worker_ends_while_apple_is_slow_and_loses_nothing(
    scene: Scene, number: signal.Signals
) -> None:
    [*ids] = scene.pushing.channels(400)
    scene.pushing.apple.faults(latency=2, max_concurrent_streams=20)
    worker = scene.daemons.worker()
    with scene.pushing.transaction():
        for channel_id in ids:
            wake.channel(db.session().get_one(Channel, channel_id))
    wait_until(lambda: len(scene.pushing.pushed()) > 0, what="a push")
    assert_ends(worker, number)
    scene.pushing.apple.faults(reset=True)
    sent = set(scene.pushing.pushed())
    scene.pushing.flush()
    # Those on their way had no answer: they wait for half a minute. The others go at once.
    assert len(set(scene.pushing.pushed()) | sent) >= 380


def test_a_worker_ends_while_redis_is_away(scene: Scene) -> None:
    worker = scene.daemons.worker()
    scene.redis.stop()
    # RQ says so where it waits for jobs, we where it was about to.
    outage = ("could not connect to Redis", "Redis does not answer")
    wait_until(lambda: any(words in said(worker) for words in outage), what="an outage")
    assert_ends(worker, signal.SIGTERM)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_scheduler_ends_at_once(scene: Scene, number: signal.Signals) -> None:
    scheduler = scene.daemons.scheduler()
    wait_until(lambda: has_lease(scene.pushing), what="the lease")
    assert_ends(scheduler, number)
