"""Long work on real workers: one is killed in the middle, and nothing is lost or done twice."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from tests import fleet
from tests.daemons import Daemons, ended
from tests.hosts import ADMINISTRATOR
from tests.processes import wait_until
from zmdm_plugin import db
from zmdm_plugin.models import AuditEntry, Device, JobRun
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import bulk, job_runs, tags
from zmdm_plugin.services.device_filter import DeviceFilter

pytestmark = pytest.mark.slow
MANY, MIDDLE = 400, 200


@dataclass
class Scene:
    """An application on PostgreSQL with many devices, and a bulk action over all of them."""

    app: Flask
    daemons: Daemons
    uid: str = ""

    def begin(self) -> None:
        """Order it, once a worker listens."""
        with self.app.app_context(), db.transaction():
            which = bulk.Which(filter=DeviceFilter(), up_to=MANY)
            tag = {"tag": "Lab"}
            self.uid = bulk.start(ADMINISTRATOR, "tag", which, args=tag, confirmed=MANY).uid

    def run(self) -> JobRun:
        with self.app.app_context():
            return job_runs.find(self.uid)

    def until(self, told: Callable[[JobRun], bool], what: str) -> None:
        wait_until(lambda: told(self.run()), what=what, seconds=120)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Somebody else works on a device in the middle: the run has to wait there."""
        with self.app.app_context(), db.engine().begin() as connection:
            device = sa.select(Device.id).where(Device.id == MIDDLE)
            connection.execute(device.with_for_update())
            yield

    def let_the_lease_pass(self) -> None:
        with self.app.app_context(), db.transaction() as session:
            session.execute(sa.update(JobRun).values(due_at=utcnow()))

    def tagged(self) -> Counter[int]:
        """How often each device was acted on."""
        with self.app.app_context():
            query = sa.select(AuditEntry.device_id).where(AuditEntry.device_id.is_not(None))
            return Counter(db.session().scalars(query))


@pytest.fixture
def scene(
    tmp_path: Path, make_app: Callable[..., Flask], pg_url: str, redis_url: str
) -> Iterator[Scene]:
    settings: dict[str, object] = {"ZMDM_REDIS_URL": redis_url, "ZMDM_SWEEP_INTERVAL": 1}
    app = make_app(pg_url, **settings)
    fleet.fill(app, MANY)
    with app.app_context(), db.transaction():
        tags.create("Lab")
    with Daemons(tmp_path, pg_url, settings) as daemons:
        yield Scene(app, daemons)


def test_a_killed_workers_run_is_marked_resumed_and_done_exactly_once(scene: Scene) -> None:
    with scene.held():
        worker = scene.daemons.worker()
        scene.begin()
        scene.until(lambda run: run.done >= 100, "the first steps")
        worker.kill()
    assert scene.run().state == "running"
    scene.let_the_lease_pass()
    scene.daemons.scheduler()
    scene.until(lambda run: run.state == "queued", "the mark")
    assert "died" in str(scene.run().message)
    scene.daemons.worker()
    scene.until(lambda run: run.finished_at is not None, "the end")
    done = scene.run()
    assert (done.state, done.done) == ("done", MANY)
    assert scene.tagged() == dict.fromkeys(range(1, MANY + 1), 1)


def test_a_stopped_worker_gives_its_run_back_at_once(scene: Scene) -> None:
    with scene.held():
        worker = scene.daemons.worker()
        scene.begin()
        scene.until(lambda run: run.done >= 100, "the first steps")
        assert worker.process is not None
        worker.process.send_signal(signal.SIGTERM)
    ended(worker)
    left = scene.run()
    assert (left.state, left.holder) == ("running", None)
    scene.daemons.worker()
    scene.until(lambda run: run.finished_at is not None, "the end")
    assert scene.tagged() == dict.fromkeys(range(1, MANY + 1), 1)
