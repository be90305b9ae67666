"""`flask zmdm secrets rotate` is killed half-way while Macs check in; the next one completes it.

The kill comes at a known moment: one row of a late chunk is held, so that earlier chunks are
committed and this one never is. A killed run is taken up after two minutes of silence, which the
test lets pass at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from flask import Flask

from tests.daemons import Daemons, ended, said
from tests.processes import wait_until
from tests.protecting import SILICON, Protected, lay_protection
from tests.road import Road, lay_road
from zmdm_plugin import db
from zmdm_plugin.models import Device, DeviceSecret, JobRun, metadata
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.secretbox import generate_key, key_id, parse_key
from zmdm_plugin.services import key_ring, vault
from zmdm_plugin.state import state
from zmdm_simulator.conversation import Conversation
from zmdm_simulator.device import SimulatedDevice

pytestmark = pytest.mark.slow
OLD, NEW = generate_key(), generate_key()
MANY = 2 * key_ring.CHUNK + 50
Sealed = dict[tuple[str, str, int], tuple[str, bytes]]


def fill(road: Road) -> None:
    """Secrets enough for some chunks, of a device that never speaks."""
    with road.rows() as session:
        device = Device(udid="SILENT")
        session.add(device)
        session.flush()
        for number in range(MANY):
            row = DeviceSecret(device_id=device.id, kind=vault.RECOVERY_LOCK, state="superseded")
            vault.seal(row, "value", f"secret {number}".encode())
            session.add(row)


def everything_sealed(app: Flask) -> Sealed:
    """Each sealed value of the database: the name of its key, and what it opens to."""
    found: Sealed = {}
    with app.app_context():
        for table in metadata.sorted_tables:
            for column in (one for one in table.c if "sealed" in one.info):
                query = sa.select(table.c.id, table.c.uid, column).where(column.is_not(None))
                for row_id, uid, sealed in db.session().execute(query):
                    plain = state().box.open(sealed, label=column.info["sealed"], uid=uid)
                    found[table.name, column.name, row_id] = (sealed.split(".")[1], plain)
    return found


@contextmanager
def talking(protected: Protected, macs: list[SimulatedDevice]) -> Iterator[list[Conversation]]:
    """The Macs are asked this and that all the while, each by a thread of its own."""
    talks: list[Conversation] = []
    enough = threading.Event()

    def go_on(mac: SimulatedDevice) -> None:
        while not enough.wait(0.2):
            protected.order(mac, "SecurityInfo")
            talks.append(protected.talk(mac))

    with ThreadPoolExecutor(len(macs)) as threads:
        running: list[Future[None]] = [threads.submit(go_on, mac) for mac in macs]
        try:
            yield talks
        finally:
            enough.set()
    for one in running:
        one.result()


def kill_half_way(daemons: Daemons, url: str) -> None:
    """Kill a rotation in the chunk of the last secret."""
    waiting = sa.text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE zmdm_device_secret%'"
    )
    engine = sa.create_engine(url)
    last = sa.select(sa.func.max(DeviceSecret.id)).join(Device).where(Device.udid == "SILENT")

    def stuck() -> bool:
        with engine.connect() as other:
            return bool(other.scalar(waiting))

    with engine.connect() as holding:
        held = sa.select(DeviceSecret.id).where(DeviceSecret.id == last.scalar_subquery())
        holding.execute(held.with_for_update())
        rotation = daemons.command("secrets", "rotate")
        wait_until(stuck, what="the chunk whose row is held", seconds=120)
        rotation.kill()
    engine.dispose()


@dataclass
class Fleet:
    """What the old key sealed, and the same Macs before servers that have the new one too."""

    before: Sealed
    protected: Protected
    macs: list[SimulatedDevice]
    daemons: Daemons

    def go_on(self) -> None:
        """Run it again, as if the killed one had been silent for long enough."""
        with self.protected.road.rows() as session:
            session.execute(sa.update(JobRun).values(due_at=utcnow()))
        again = self.daemons.command("secrets", "rotate")
        assert ended(again, seconds=120) == 0, said(again)


@pytest.fixture
def fleet(
    tmp_path: Path, make_app: Callable[..., Flask], pg_url: str, redis_url: str
) -> Iterator[Fleet]:
    keys = f"{NEW},{OLD}"
    settings: dict[str, object] = {"ZMDM_REDIS_URL": redis_url, "ZMDM_SEALING_KEYS": keys}
    with lay_road(make_app(pg_url, ZMDM_SEALING_KEYS=OLD)) as road:
        former = lay_protection(road)
        macs = [former.mac(SILICON, seed) for seed in (1, 2)]
        fill(road)
        before = everything_sealed(road.app)
    app = make_app(pg_url, **settings)
    with (
        httpx.Client(transport=httpx.WSGITransport(app=app)) as http,
        Daemons(tmp_path, pg_url, settings) as daemons,
    ):
        for mac in macs:
            mac.http = http
        now = Road(app, road.profile, http, road.keys)
        yield Fleet(before, Protected(now, former.blueprint), macs, daemons)


@pytest.mark.timeout(300)
def test_a_rotation_that_was_killed_half_way_is_completed_by_the_next(
    fleet: Fleet, make_app: Callable[..., Flask], pg_url: str
) -> None:
    app = fleet.protected.road.app
    with talking(fleet.protected, fleet.macs) as talks:
        kill_half_way(fleet.daemons, pg_url)
        half = {key for key, _ in everything_sealed(app).values()}
        fleet.go_on()
    assert talks and not [talk for talk in talks if talk.unfinished]
    assert all(fleet.protected.opens(mac, vault.RECOVERY_LOCK) for mac in fleet.macs)
    after = everything_sealed(make_app(pg_url, ZMDM_SEALING_KEYS=NEW))
    assert half == {key_id(parse_key(OLD)), key_id(parse_key(NEW))}
    assert {key for key, _ in after.values()} == {key_id(parse_key(NEW))}
    plain = {place: value for place, (_, value) in after.items() if place in fleet.before}
    assert plain == {place: value for place, (_, value) in fleet.before.items()}
