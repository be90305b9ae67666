"""What the benchmarks share: a served fleet, CPU times from the operating system, a cheap client.

A stage is a database with a fleet in it (rows copied set-based, a handful of devices that really
enrolled spread among them) and the host application served as the README serves it.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from flask import Flask

from bench.report import Row
from tests import hosts
from tests.copies import copy_device
from tests.road import Road, factory_anchor, lay_road
from tests.servers import Postgres
from zmdm_plugin import db
from zmdm_simulator.device import SimulatedDevice

REAL = 16
TICK = os.sysconf("SC_CLK_TCK")
DATABASES = ("sqlite", "postgresql")
SERVERS = {
    "gunicorn": ("gunicorn", "-c", "python:host_app.gunicorn_conf", "host_app.wsgi:app"),
    "gunicorn without events": (
        "gunicorn",
        "-c",
        "python:host_app.gunicorn_conf",
        "bench.without_events:app",
    ),
    "granian": ("granian", "--interface", "wsgi", "--no-ws", "--blocking-threads", "8"),
}


@dataclass(frozen=True, slots=True)
class Cost:
    """What a number of operations took, of the server's and of the database's CPU."""

    operations: int
    seconds: float
    server: float
    database: float

    @property
    def per_operation(self) -> float:
        """CPU milliseconds of server and database together."""
        return (self.server + self.database) / self.operations * 1e3

    def row(self, benchmark: str, what: str, *, bar: float | None = None) -> Row:
        """For the table; `bar` in CPU milliseconds."""
        return Row(
            benchmark=benchmark,
            what=what,
            cpu_ms=self.per_operation,
            per_second=self.operations / self.seconds,
            bar=f"{bar:g} ms" if bar else "",
            met=self.per_operation <= bar if bar else None,
        )

    def __str__(self) -> str:
        server, database = (part / self.operations * 1e3 for part in (self.server, self.database))
        return (
            f"{self.per_operation:6.2f} ms CPU (server {server:.2f}, database {database:.2f}), "
            f"{self.operations / self.seconds:,.0f}/s"
        )


@dataclass(slots=True)
class Stage:
    """A served fleet; `devices` really enrolled, the others are rows."""

    road: Road
    url: str
    server: int
    database: int | None
    devices: list[SimulatedDevice] = field(default_factory=list)

    def measure(self, operations: int, work: Callable[[], object]) -> Cost:
        """Run the work and tell what it cost the processes of server and database."""
        server, database = cpu(self.server), cpu(self.database)
        began = time.perf_counter()
        work()
        seconds = time.perf_counter() - began
        return Cost(operations, seconds, cpu(self.server) - server, cpu(self.database) - database)


def cpu(pid: int | None) -> float:
    """CPU seconds of a process and all its children, ended ones included; SQLite has none."""
    if pid is None:
        return 0.0
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    own = sum(int(ticks) for ticks in stat[11:15]) / TICK
    return own + sum(cpu(int(child)) for child in children)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def stage(database: str, size: int, *, server: str = "gunicorn") -> Iterator[Stage]:
    """Lay everything out, serve it, and clear it away."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="zmdm-bench-")))
        uri, pid = database_in(database, folder, stack)
        hosts.migrate(uri)
        port = free_port()
        settings = {
            "ZMDM_BASE_URL": f"http://127.0.0.1:{port}",
            "ZMDM_DEVICE_ANCHORS": factory_anchor(),
        }
        app = hosts.make_app(uri, **settings)
        stack.callback(hosts.close, app)
        road = stack.enter_context(lay_road(app))
        devices = _people(road, size)
        process = stack.enter_context(served(server, port, uri, settings, folder))
        http = stack.enter_context(httpx.Client(timeout=60))
        for device in devices:
            device.http = http
        yield Stage(road, settings["ZMDM_BASE_URL"], process, pid, devices)


def database_in(kind: str, folder: Path, stack: ExitStack) -> tuple[str, int | None]:
    if kind == "sqlite":
        return f"sqlite:///{folder / 'bench.sqlite3'}", None
    postgres = Postgres.own()
    stack.callback(postgres.remove)
    uri = postgres.create().render_as_string(hide_password=False)
    return uri, int(
        (Path(str(postgres.url.query["host"])) / "data/postmaster.pid").read_text().split()[0]
    )


def _people(road: Road, size: int) -> list[SimulatedDevice]:
    """Enroll a handful, with the copies before, between and after them."""
    devices = [_settled(road, 0)]
    parts = 4
    share = max(size - REAL, 0) // parts
    for part in range(parts):
        copy_device(road, devices[0], first=part * share + 1, last=(part + 1) * share)
        devices += [_settled(road, part * 4 + number + 1) for number in range(REAL // parts)]
    tidy(road)
    return devices


def _settled(road: Road, seed: int) -> SimulatedDevice:
    """A Mac whose inventory is known, so that nothing waits for it."""
    mac = road.enrolled(seed=seed)
    mac.connect()
    mac.connect()
    return mac


def tidy(road: Road) -> None:
    """Statistics as after a day of use; the write-ahead log of SQLite back in its file."""
    tidy_database(road.app)


def tidy_database(app: Flask) -> None:
    """The same for an application without a road."""
    with app.app_context():
        engine = db.engine()
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql("VACUUM ANALYZE")
                connection.exec_driver_sql("CHECKPOINT")
            else:
                connection.exec_driver_sql("ANALYZE")
        engine.dispose()


@contextmanager
def served(
    server: str, port: int, uri: str, settings: dict[str, str], folder: Path
) -> Iterator[int]:
    """The host application behind one of SERVERS; its process id."""
    environment = {
        **os.environ,
        **settings,
        "ZMDM_SEALING_KEYS": str(hosts.DEFAULTS["ZMDM_SEALING_KEYS"]),
        "HOST_APP_INSTANCE": str(folder),
        "HOST_APP_SECRET_KEY": "bench",
        "HOST_APP_SQLALCHEMY_DATABASE_URI": uri,
        "HOST_APP_BIND": f"127.0.0.1:{port}",
    }
    command = [sys.executable, "-m", *SERVERS[server]]
    if server == "granian":
        command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "2"]
        command += ["host_app.wsgi:app"]
    log = (folder / "server.log").open("wb")
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        _wait(port, process, folder)
        yield process.pid
    finally:
        process.terminate()
        process.wait(15)
        log.close()


def _wait(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=2)
            return
        except httpx.TransportError:
            time.sleep(0.1)
    raise SystemExit("the server did not start:\n" + (folder / "server.log").read_text()[-2000:])


# A client that costs next to nothing: requests made beforehand, connections kept


def request(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """A whole PUT, ready to send."""
    lines = [f"PUT {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def send(url: str, requests: Sequence[bytes], *, times: int, connections: int = 4) -> None:
    """Send the requests in turn, `times` in all; anything but 200 stops the benchmark."""
    faults: list[bytes] = []
    threads = [
        threading.Thread(target=_send, args=(url, requests, number, times, connections, faults))
        for number in range(connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise SystemExit(f"the server answered {faults[0]!r}")


def _send(
    url: str,
    requests: Sequence[bytes],
    number: int,
    times: int,
    step: int,
    faults: list[bytes],
) -> None:
    with connected(url) as wire:
        for turn in range(number, times, step):
            wire.sendall(requests[turn % len(requests)])
            reply = receive(wire)
            if not reply.startswith(b"HTTP/1.1 200"):
                faults.append(reply[:200])
                return


def connected(url: str) -> socket.socket:
    """A connection to the server, kept as devices keep theirs."""
    wire = socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 30)
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return wire


def receive(wire: socket.socket) -> bytes:
    """One answer, as long as its Content-Length says."""
    reply = wire.recv(65536)
    head, _, body = reply.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    missing = length - len(body)
    while missing > 0 and (part := wire.recv(65536)):
        reply, missing = reply + part, missing - len(part)
    return reply


def arguments(what: str, *, times: int = 4_000) -> argparse.ArgumentParser:
    """The options that these benchmarks share."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=DATABASES)
    parser.add_argument("--sizes", nargs="+", type=int, default=(1_000, 100_000))
    parser.add_argument("--server", choices=tuple(SERVERS), default="gunicorn")
    parser.add_argument("--times", type=int, default=times)
    return parser
