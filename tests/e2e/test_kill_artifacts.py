"""Web and worker are killed at any step while artifacts go out: the end is as if nothing happened.

Devices talk over real sockets and only when they are pushed, or when something was left unfinished,
as devices do. What was played without kills is what has to be found after them.
"""

from __future__ import annotations

import plistlib
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from flask import Flask

from tests import hosts
from tests.daemons import Daemons
from tests.declaring import Desk
from tests.orders import quiet
from tests.processes import Child, NotReady, wait_until
from tests.pushing import settings_for, take
from tests.road import Road, lay_road
from tests.servers import Postgres, Redis
from tests.shelf import mobileconfig, payload
from zmdm_plugin.models import Artifact, ArtifactVersion, ChannelArtifact, Device, ScepIssuer
from zmdm_plugin.services import apns_pool, wake
from zmdm_plugin.services.enrollment import enrollments, manual
from zmdm_plugin.state import state_of
from zmdm_simulator.apple.service import PlayedAppleThread
from zmdm_simulator.device import SimulatedDevice

pytestmark = pytest.mark.slow
MANY = 12
KILLS = 6
PATIENCE = 120
TEST = "com.apple.configuration.management.test"
State = Counter[str]


@dataclass
class Mac:
    """A device that connects when it is pushed, and again while something is unfinished."""

    device: SimulatedDevice
    pushed: int = 0
    heard: int = 0
    unfinished: bool = False
    broken: int = 0
    installs: Counter[str] = field(default_factory=Counter)
    refusals: list[int] = field(default_factory=list)

    def act(self, pushed: int) -> None:
        """Look whether there is a reason to connect, and if so do it once."""
        if pushed <= self.heard and not self.unfinished:
            return
        self.heard = pushed
        talk = self.device.connect()
        for one in talk:
            if one.request_type == "InstallProfile" and one.status == "Acknowledged":
                profile = plistlib.loads(one.command["Payload"])
                self.installs[f"{profile['PayloadDisplayName']} {profile['PayloadUUID']}"] += 1
        incomplete = talk.sync is not None and not talk.sync.complete
        self.unfinished = talk.unfinished or incomplete
        self.broken += self.unfinished
        self.refusals += [status for status in talk.statuses if status not in (0, 200, 503)]


@dataclass
class Fleet:
    """All devices, each on a thread of its own from time to time, until told to stop."""

    apple: PlayedAppleThread
    macs: list[Mac]
    over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield
        finally:
            self.over.set()
            thread.join()

    def _run(self) -> None:
        with ThreadPoolExecutor(4) as threads:
            while not self.over.is_set():
                pushes = Counter(one.accepted.token for one in self.apple.pushes())
                tokens = [mac.device.channel().token.hex() for mac in self.macs]
                counts = [pushes[token] for token in tokens]
                list(threads.map(Mac.act, self.macs, counts))
                time.sleep(0.05)


def everywhere(*lines: str, installs: int) -> State:
    """So it is on every device; and how many profiles were installed, none of them twice."""
    return Counter(dict.fromkeys(lines, MANY)) | Counter({"installs": installs * MANY, "most": 1})


# As the server tells it: name, status, by what, version, how often installed.
# As the devices hold it: name, verdict, payload; profiles by command have a name alone.
FIRST = everywhere(
    "Passcode installed declaration 1 1",
    "Echo installed declaration 1 1",
    "Refused failed declaration None 0",
    "Root installed command 1 1",
    "Wi-Fi installed command 1 1",
    "VPN installed command 1 1",
    "passcode valid {'MinimumLength': 8}",
    "echo valid {'Echo': 'heard'}",
    "refused invalid {'Echo': 'no', 'ReturnStatus': 'Failed'}",
    *("root", "wifi", "vpn"),
    installs=3,
)
SECOND = everywhere(
    "Passcode installed declaration 2 2",
    "Refused failed declaration None 0",
    "Root installed command 2 2",
    "Wi-Fi installed command 1 1",
    "VPN installed command 1 1",
    "passcode valid {'MinimumLength': 10}",
    "refused invalid {'Echo': 'no', 'ReturnStatus': 'Failed'}",
    *("root", "wifi", "vpn"),
    installs=4,
)


@dataclass
class Scene:
    """Served devices with a blueprint of six artifacts, two of which wait for another one."""

    road: Road
    desk: Desk
    daemons: Daemons
    fleet: Fleet
    port: int
    artifacts: dict[str, int] = field(default_factory=dict)
    web: Child | None = None
    worker: Child | None = None

    def serve(self) -> None:
        self.web, self.worker = self.daemons.web(self.port), self.daemons.worker()
        self.daemons.scheduler("--lease", "2")

    def kill_one(self, dice: random.Random) -> None:
        """Kill the web server or the worker, and start another one."""
        victim = dice.choice((self.web, self.worker))
        assert victim is not None
        victim.kill()
        if victim is self.web:
            self.web = self.daemons.web(self.port)
        else:
            self.worker = self.daemons.worker()

    def make(self) -> None:
        """Three by declaration (one is refused), three by command; the last two have to wait."""
        profile = partial(self.desk.profile, platforms=["macOS"])
        test = partial(self.desk.configuration, type_=TEST)
        known = self.artifacts
        known["passcode"] = self.desk.configuration("Passcode")
        known["echo"] = test("Echo", payload={"Echo": "heard"})
        known["refused"] = test("Refused", payload={"Echo": "no", "ReturnStatus": "Failed"})
        known["root"] = profile("Root", named("Root"))
        known["wifi"] = profile("Wi-Fi", named("Wi-Fi"), requires=[known["root"]])
        known["vpn"] = profile("VPN", named("VPN"), requires=[known["passcode"]])

    def change(self) -> None:
        """A newer one of each kind, and one that is wanted no longer."""
        self.desk.wording(self.artifacts["passcode"], {"MinimumLength": 10})
        self.desk.version(self.artifacts["root"], named("Root"))
        self.desk.unlink(self.artifacts["echo"])

    def told(self) -> State:
        """What the server knows of each artifact, and for how many channels."""
        row, version = ChannelArtifact, ArtifactVersion
        with self.road.rows() as session:
            found = session.execute(
                sa.select(Artifact.name, row.status, row.via, version.number, row.install_count)
                .join(Artifact, Artifact.id == row.artifact_id)
                .outerjoin(version, version.id == row.installed_version_id)
            )
            return Counter(" ".join(map(str, one)) for one in found)

    def held(self) -> State:
        """What the devices have, and how often each profile was installed."""
        names = {self.desk.identifier(id_): name for name, id_ in self.artifacts.items()}
        found: Counter[str] = Counter()
        for mac in self.fleet.macs:
            for one in mac.device.declarations.values():
                if one.identifier in names:
                    found[f"{names[one.identifier]} {one.verdict.valid} {one.payload}"] += 1
            found.update(names[name] for name in mac.device.installed_profiles if name in names)
        times = [count for mac in self.fleet.macs for count in mac.installs.values()]
        return found + Counter({"installs": len(times), "most": max(times, default=0)})

    def assign(self) -> None:
        """All at once, as an operator's change of the whole fleet is."""
        with self.road.rows() as session:
            session.execute(sa.update(Device).values(blueprint_id=self.desk.blueprint_id))
            wake.blueprint(self.desk.blueprint_id)

    def state(self) -> State:
        return self.told() + self.held()

    def until(self, expected: State) -> None:
        """Wait for a state; what differs is told otherwise."""
        try:
            wait_until(lambda: self.state() == expected, what="the state", seconds=PATIENCE)
        except NotReady:
            assert self.state() == expected


def named(name: str) -> bytes:
    return mobileconfig(payload(), PayloadDisplayName=name)


@contextmanager
def lay(make_app: Callable[..., Flask], url: str, redis: Redis, folder: Path) -> Iterator[Scene]:
    """A scene of its own: database, Redis emptied, played Apple, processes."""
    hosts.migrate(url)
    redis.empty()
    folder.mkdir()
    with ExitStack() as stack:
        apple = PlayedAppleThread(folder / "apple").start()
        stack.callback(apple.stop)
        port = free_port()
        settings = {
            **settings_for(apple),
            "ZMDM_BASE_URL": f"http://127.0.0.1:{port}",
            "ZMDM_REDIS_URL": redis.url,
            "ZMDM_REDELIVER_AFTER": 1,
            "ZMDM_PUSH_LEASE": 6,
            "ZMDM_SWEEP_INTERVAL": 1,
        }
        app = make_app(url, **settings)
        road = stack.enter_context(lay_road(app))
        macs = enrolled(road, apple)
        stack.callback(apns_pool.close, state_of(app))
        http = stack.enter_context(httpx.Client(timeout=20))
        for mac in macs:
            mac.device.http = http
        desk = Desk(road, legacy_profiles_via_ddm=False)
        daemons = stack.enter_context(Daemons(folder, url, settings))
        yield Scene(road, desk, daemons, Fleet(apple, macs), port)


def enrolled(road: Road, apple: PlayedAppleThread) -> list[Mac]:
    """Macs that the played Apple can push to, their inventory done."""
    with road.rows() as session:
        issuer = session.scalars(sa.select(ScepIssuer)).one()
        enrollment = enrollments.create(
            "manual", "Pushed", push_certificate=take(apple.material, "Pushed"), issuer=issuer
        )
        profile = manual.profile(enrollment)
    macs = [road.enrolled(seed=seed, profile=profile) for seed in range(MANY)]
    return [Mac(quiet(road, mac)) for mac in macs]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.timeout(400)
@pytest.mark.parametrize("killed", [False, True], ids=["unharmed", "killed"])
def test_artifacts_reach_the_same_end_whatever_is_killed(
    tmp_path: Path,
    make_app: Callable[..., Flask],
    own_postgres: Postgres,
    own_redis: Redis,
    killed: bool,
) -> None:
    url = own_postgres.create().render_as_string(hide_password=False)
    dice = random.Random(4)
    with lay(make_app, url, own_redis, tmp_path / "scene") as scene, scene.fleet.running():
        scene.make()
        scene.serve()
        for act, expected in ((scene.assign, FIRST), (scene.change, SECOND)):
            act()
            for _ in range(KILLS if killed else 0):
                time.sleep(dice.uniform(0.05, 0.6))
                scene.kill_one(dice)
            scene.until(expected)
        time.sleep(2)  # some sweeps later nothing more has happened
        assert scene.state() == SECOND
        assert [status for mac in scene.fleet.macs for status in mac.refusals] == []
        assert killed == any(mac.broken for mac in scene.fleet.macs)
