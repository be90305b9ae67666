"""The demo's processes, in the order in which they start, and how each shows that it is ready."""

from __future__ import annotations

import os
import sqlite3
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import redis

from host_app.demo import asking
from host_app.demo.folder import HOST, DemoFolder, Ports
from host_app.demo.process import Process
from zmdm_plugin.embedded import EmbeddedRedis

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable
# The simulator takes its twelve models in turn: the second number is half a round further on.
FIRST_DEVICE = {"ota": 0, "manual": 12_006, "ade": asking.FIRST}


@dataclass(frozen=True, slots=True)
class Stage:
    """One demo's place, ports and size: all that its processes are made from."""

    folder: DemoFolder
    ports: Ports
    devices: int
    redis_url: str | None

    def devices_of(self, kind: str) -> int:
        """How many of them enroll this way."""
        by_apple, by_hand = self.devices // 3, self.devices // 3
        numbers = {"ade": by_apple, "manual": by_hand}
        return numbers.get(kind, self.devices - by_apple - by_hand)

    @property
    def embedded(self) -> EmbeddedRedis:
        return EmbeddedRedis(self.folder.path / "redis")

    @property
    def environment(self) -> dict[str, str]:
        """What every process of the host gets; the secrets are in config.json instead."""
        apple = self.folder.path / "apple"
        return {
            "FLASK_APP": "host_app.wsgi",
            "HOST_APP_BIND": f"{HOST}:{self.ports.web}",
            "HOST_APP_INSTANCE": str(self.folder.path),
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "ZMDM_APNS_CA": f"{{{{ file:{apple / 'apns-ca.pem'} }}}}",
            "ZMDM_APNS_URL": f"https://{HOST}:{self.ports.apns}",
            "ZMDM_APPS_BOOKS_URL": self.books_url,
            "ZMDM_BASE_URL": self.ports.url,
            "ZMDM_DEP_SYNC_MINUTES": "5",
            "ZMDM_DEP_URL": self.dep_url,
            "ZMDM_DEVICE_ANCHORS": f"{{{{ file:{apple / 'device-ca.pem'} }}}}",
            "ZMDM_INVENTORY_INTERVAL": "3600",
            "ZMDM_MTLS_PROXY": "false",
            "ZMDM_ORGANIZATION": "Example host",
            "ZMDM_REDIS_URL": self.redis_url or self.embedded.url,
            "ZMDM_REDELIVER_AFTER": "10",
            "ZMDM_SOFTWARE_LOOKUP_URL": self.lookup_url,
            "ZMDM_SWEEP_INTERVAL": "5",
        }

    @property
    def lookup_url(self) -> str:
        """Apple's list of software updates, played."""
        return f"http://{HOST}:{self.ports.lookup}"

    @property
    def dep_url(self) -> str:
        """Apple's device assignment service, played."""
        return f"http://{HOST}:{self.ports.dep}"

    @property
    def books_url(self) -> str:
        """Apple's Apps & Books, played."""
        return f"http://{HOST}:{self.ports.books}"

    @property
    def control_url(self) -> str:
        return f"http://{HOST}:{self.ports.control}"


def before_setup(stage: Stage) -> Iterator[Process]:
    """Redis, and Apple, whose certificates the host's settings name."""
    if stage.redis_url is None:
        stage.embedded.prepare()
        yield Process("redis", stage.embedded.command(), lambda pid: stage.embedded.is_ready())
    yield _simulator(
        stage,
        "apple",
        "apple",
        *("--dir", str(stage.folder.path / "apple")),
        *("--apns-port", str(stage.ports.apns)),
        *("--control-port", str(stage.ports.control)),
        ready=lambda pid: _answers(f"{stage.control_url}/ready"),
    )
    yield _simulator(
        stage,
        "lookup",
        "lookup",
        *("--dir", str(stage.folder.path / "apple")),
        *("--port", str(stage.ports.lookup)),
        "--http",
        ready=lambda pid: _answers(f"{stage.lookup_url}/v2/pmv"),
    )
    yield from _business(stage)


def _business(stage: Stage) -> Iterator[Process]:
    """What an organization has at Apple, kept between runs: devices, and licences of apps."""
    yield _simulator(
        stage,
        "abm",
        "dep",
        "play",
        *("--port", str(stage.ports.dep)),
        *("--state", str(stage.folder.path / "abm.json")),
        ready=lambda pid: _answers(f"{stage.dep_url}/played/ready"),
    )
    yield _simulator(
        stage,
        "books",
        "vpp",
        "play",
        *("--port", str(stage.ports.books)),
        *("--state", str(stage.folder.path / "books.json")),
        ready=lambda pid: _answers(f"{stage.books_url}/played/ready"),
    )


def setup(stage: Stage) -> Process:
    """The one step that ends by itself."""
    assigned = str(stage.devices_of("ade"))
    command = [PYTHON, "-m", "host_app.demo.setup", str(stage.folder.path), assigned]
    return Process("setup", command, env=stage.environment, ready_within=90)


def after_setup(stage: Stage) -> Iterator[Process]:
    """The host's own processes."""
    gunicorn = ("gunicorn", "-c", "python:host_app.gunicorn_conf", "host_app.wsgi:app")
    yield _host(stage, "web", *gunicorn, ready=lambda pid: _answers(f"{stage.ports.url}/healthz"))
    for name, queue in (("worker", "default"), ("push-worker", "push")):
        worker = ("flask", "zmdm", "worker", "--queues", queue)
        yield _host(stage, name, *worker, ready=lambda pid: _is_working(stage, pid))
    scheduler = ("flask", "zmdm", "scheduler")
    yield _host(stage, "scheduler", *scheduler, ready=lambda pid: _is_scheduled(stage))


def shop(stage: Stage) -> Iterator[Process]:
    """Store apps, once: a worker reads what the location has, so it comes after the workers."""
    if asking.SHOP not in stage.folder.done():
        command = [PYTHON, "-m", "host_app.demo.shop", str(stage.folder.path)]
        yield Process("shop", command, env=stage.environment, ready_within=90)


def fleet(stage: Stage) -> Iterator[Process]:
    """The devices: a third enrolls over the air, one by hand, one as Apple has assigned it.

    Each third numbers its own from a fixed start, so that a larger fleet keeps those it had.
    """
    ways = {
        "ota": ("--profile", stage.folder.enrollment_link()),
        "manual": ("--profile", str(stage.folder.by_hand_profile)),
        "ade": (
            *("--dep-url", stage.dep_url, "--people", str(stage.folder.people)),
            *("--models", *asking.MODELS),
        ),
    }
    for kind, first in FIRST_DEVICE.items():
        if count := stage.devices_of(kind):
            yield _simulator(
                stage,
                f"devices-{kind}",
                "devices",
                *ways[kind],
                *("--count", str(count)),
                *("--first", str(first)),
                *("--apple-control", stage.control_url),
                *("--apple-dir", str(stage.folder.path / "apple")),
                *("--state", str(stage.folder.path / "devices" / kind)),
                *("--seed", asking.SEED, "--script", "everyday"),
                *("--poll", "20", "--notnow-after", "10", "--return-after", "20"),
                *("--allow-http", "--verbose"),
            )


def _host(
    stage: Stage, name: str, *module: str, ready: Callable[[int], bool] = lambda pid: True
) -> Process:
    return Process(name, [PYTHON, "-m", *module], ready, env=stage.environment)


def _simulator(
    stage: Stage, name: str, *words: str, ready: Callable[[int], bool] = lambda pid: True
) -> Process:
    env = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    return Process(name, [PYTHON, "-m", "zmdm_simulator", *words], ready, env=env)


def _answers(url: str) -> bool:
    """Whether a GET is answered 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.HTTPError):
        return False


def _is_working(stage: Stage, pid: int) -> bool:
    """Whether this worker has told Redis that it listens."""
    client = redis.Redis.from_url(stage.environment["ZMDM_REDIS_URL"], socket_timeout=1)
    try:
        with client:
            keys = [os.fsdecode(key) for key in client.smembers("rq:workers")]
            return any(client.hget(key, "pid") == str(pid).encode() for key in keys)
    except redis.RedisError:
        return False


def _is_scheduled(stage: Stage) -> bool:
    """Whether a scheduler has taken the lease; its process id is in no place to look at."""
    url = f"file:{stage.folder.database}?mode=ro"
    try:
        with closing(sqlite3.connect(url, uri=True, timeout=1)) as connection:
            query = "SELECT 1 FROM zmdm_lease WHERE name = 'scheduler'"
            return connection.execute(query).fetchone() is not None
    except sqlite3.Error:
        return False
