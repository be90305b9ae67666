"""How many channels a second one worker process wakes, outcomes stored, and what each costs.

    python -m bench.push_flush [--databases sqlite postgresql] [--channels 20000] [--bar 2000]

The whole of `push.flush`: claim in the database, send over one connection to nginx (a C peer that
is never the bottleneck), store each outcome. CPU times come from /proc: this process, which is the
worker, and the database's processes; SQLite's are in the worker.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import sqlalchemy as sa
from flask import Flask

from bench import report
from bench.push import running
from bench.staging import DATABASES, cpu
from tests import hosts
from tests.pushing import add_channels, take
from tests.servers import Postgres
from zmdm_plugin import db
from zmdm_plugin.jobs import push
from zmdm_plugin.models import Channel
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import apns_pool
from zmdm_plugin.state import state_of
from zmdm_simulator.apple.material import Material

CHUNK = 5_000
WARM_UP = 500


@contextmanager
def database(kind: str, folder: Path) -> Iterator[tuple[str, int | None]]:
    """A migrated database: its URI, and the process to look at."""
    with ExitStack() as stack:
        uri, pid = f"sqlite:///{folder / 'bench.sqlite3'}", None
        if kind == "postgresql":
            server = Postgres.own()
            stack.callback(server.remove)
            uri = server.create().render_as_string(hide_password=False)
            data = Path(str(server.url.query["host"])) / "data"
            pid = int((data / "postmaster.pid").read_text().split()[0])
        hosts.migrate(uri)
        yield uri, pid


@contextmanager
def worker(uri: str, port: int, material: Material) -> Iterator[tuple[Flask, int]]:
    """An application that pushes to this port, and the id of its certificate."""
    roots = material.path("apns-ca.pem").read_text()
    settings = {"ZMDM_APNS_URL": f"https://127.0.0.1:{port}", "ZMDM_APNS_CA": roots}
    app = hosts.make_app(uri, **settings)
    with app.app_context(), db.transaction():
        certificate_id = take(material).id
    yield app, certificate_id
    apns_pool.close(state_of(app))
    hosts.close(app)


def fill(app: Flask, certificate_id: int, count: int, *, first: int) -> None:
    """Channels that are all due now."""
    now = utcnow()
    for start in range(0, count, CHUNK):
        size = min(CHUNK, count - start)
        with app.app_context(), db.transaction():
            add_channels(size, certificate_id, first=first + start, push_due_at=now)


def flush(app: Flask) -> None:
    """Job after job until nothing is due, as a worker runs them."""
    while waiting(app, Channel.push_due_at.is_not(None)):
        with app.app_context():
            push.flush()


def waiting(app: Flask, which: sa.ColumnElement[bool]) -> int:
    with app.app_context():
        found = sa.select(sa.func.count()).select_from(Channel).where(which)
        return db.session().scalar(found) or 0


def run(kind: str, count: int, bar: float) -> float:
    """Measure on one kind of database, print a line, and give the channels per second."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="zmdm-bench-")))
        material = Material(folder / "apple").prepare()
        peer = stack.enter_context(running("nginx", material.folder))
        uri, pid = stack.enter_context(database(kind, folder))
        app, certificate_id = stack.enter_context(worker(uri, peer.port, material))
        fill(app, certificate_id, WARM_UP, first=1)
        flush(app)
        fill(app, certificate_id, count, first=WARM_UP + 1)
        own, theirs, began = own_cpu(), cpu(pid), time.perf_counter()
        flush(app)
        seconds = time.perf_counter() - began
        own, theirs = own_cpu() - own, cpu(pid) - theirs
        stored = waiting(app, sa.and_(Channel.push_status == 200, Channel.push_due_at.is_(None)))
    rate = count / seconds
    row = report.Row(
        benchmark="push, stored",
        what=f"{kind}, {count:,} channels",
        cpu_ms=(own + theirs) / count * 1e3,
        per_second=rate,
        bar=f"{bar:,.0f}/s",
        met=rate >= bar,
    )
    parts = f"(worker {own / count * 1e6:.0f}, database {theirs / count * 1e6:.0f})"
    report.add(row, f"{rate:,.0f}/s, {row.cpu_ms:.3f} ms CPU per push {parts} us")
    return rate if stored == count + WARM_UP else 0.0


def own_cpu() -> float:
    """CPU seconds of this process, all threads."""
    times = os.times()
    return times.user + times.system


def main() -> int:
    """Exit with 1 when the bar is missed."""
    parser = argparse.ArgumentParser(description="Channels a second, outcomes stored.")
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=DATABASES)
    parser.add_argument("--channels", type=int, default=20_000)
    parser.add_argument("--bar", type=float, default=2_000.0, help="channels a second demanded")
    options = parser.parse_args()
    rates = [run(kind, options.channels, options.bar) for kind in options.databases]
    return int(min(rates) < options.bar)


if __name__ == "__main__":
    raise SystemExit(main())
