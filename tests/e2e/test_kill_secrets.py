"""The web server is killed while a secret changes: what the vault calls confirmed opens the Mac.

The Mac is the judge. It talks to a real server over a socket, and the server is killed at a known
moment: a table is locked, so that its transaction waits there and never commits.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from flask import Flask

from tests.daemons import Daemons
from tests.processes import wait_until
from tests.protecting import SETS, Protected, lay_protection
from tests.road import Road, lay_road
from zmdm_simulator.conversation import Conversation
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.script import Script

pytestmark = pytest.mark.slow
SECRETS, QUEUE = "zmdm_device_secret", "zmdm_command"


@dataclass
class Scene:
    """A server that can be killed, and the same application here, to prepare and to go on."""

    protected: Protected
    daemons: Daemons
    engine: sa.Engine
    port: int

    @contextmanager
    def stuck(self, table: str, then: Callable[[], None]) -> Iterator[None]:
        """Nobody writes into a table; `then`: once somebody waits to do so."""
        with self.engine.connect() as connection:
            connection.execute(sa.text(f"LOCK TABLE {table} IN EXCLUSIVE MODE"))
            yield
            wait_until(self.somebody_waits, what="a transaction at the lock", seconds=90)
            then()

    def somebody_waits(self) -> bool:
        query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        with self.engine.connect() as connection:
            return bool(connection.execute(sa.text(query)).scalar())

    def killed_at_the_answer(self, mac: SimulatedDevice, command: str) -> Conversation:
        """The Mac has done it; the server dies with the answer in its hands."""
        web = self.daemons.web(self.port)
        with ThreadPoolExecutor(2) as threads, httpx.Client(timeout=60) as http:
            answered = threads.submit(lambda: None)
            rule = {"do": "delay", "command": command, "times": 1, "seconds": 0}
            mac.script = Script.load({"rules": [rule]})
            locked = self.stuck(SECRETS, web.kill)

            def hold(_seconds: float) -> None:
                nonlocal answered
                locked.__enter__()
                answered = threads.submit(locked.__exit__, None, None, None)

            mac.sleep, mac.http = hold, http
            talk = self.protected.talk(mac)
            answered.result(timeout=60)
        mac.http = self.protected.road.http
        return talk

    def killed_at_the_order(self, mac: SimulatedDevice) -> Conversation:
        """The server dies with the order in its hands; the Mac never hears of it."""
        web = self.daemons.web(self.port)
        with ThreadPoolExecutor(1) as threads, httpx.Client(timeout=60) as http:
            mac.http = http
            with self.stuck(QUEUE, web.kill):
                talking = threads.submit(self.protected.talk, mac)
            talk = talking.result(timeout=60)
        mac.http = self.protected.road.http
        return talk


@pytest.fixture
def scene(
    tmp_path: Path, make_app: Callable[..., Flask], pg_url: str, redis_url: str
) -> Iterator[Scene]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    base = f"http://127.0.0.1:{port}"
    settings: dict[str, object] = {"ZMDM_REDIS_URL": redis_url, "ZMDM_BASE_URL": base}
    app = make_app(pg_url, **settings)
    engine = sa.create_engine(pg_url)
    with lay_road(app) as road, Daemons(tmp_path, pg_url, settings) as daemons:
        yield Scene(lay_protection(Plain.of(road)), daemons, engine, port)
    engine.dispose()


class Plain(Road):
    """A road whose devices take a server without TLS."""

    @classmethod
    def of(cls, road: Road) -> Plain:
        return cls(road.app, road.profile, road.http, road.keys)

    def device(self, *args: object, **more: object) -> SimulatedDevice:
        return super().device(*args, allow_http=True, **more)  # type: ignore[arg-type]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("again", [True, False], ids=["told again", "lost"])
@pytest.mark.parametrize("kind", SETS)
def test_killed_between_the_answer_and_its_commit(scene: Scene, kind: str, again: bool) -> None:
    mac = scene.protected.in_force(kind)
    former = scene.protected.confirmed(mac, kind)
    scene.protected.due(mac, kind)
    talk = scene.killed_at_the_answer(mac, SETS[kind])
    assert talk.unfinished and SETS[kind] in talk.request_types
    assert scene.protected.confirmed(mac, kind) == former  # nothing was committed
    if not again:
        mac.channel().unaccepted = None
    scene.protected.settle(mac, kind)
    assert scene.protected.opens(mac, kind)
    assert scene.protected.confirmed(mac, kind) != former
    assert ("superseded", former) in scene.protected.versions(mac, kind)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", SETS)
def test_killed_between_the_order_and_its_delivery(scene: Scene, kind: str) -> None:
    mac = scene.protected.in_force(kind)
    former = scene.protected.confirmed(mac, kind)
    scene.protected.due(mac, kind)
    talk = scene.killed_at_the_order(mac)
    assert talk.unfinished and SETS[kind] not in talk.request_types
    assert scene.protected.opens(mac, kind) and scene.protected.confirmed(mac, kind) == former
    scene.protected.settle(mac, kind)
    assert scene.protected.opens(mac, kind) and scene.protected.confirmed(mac, kind) != former
