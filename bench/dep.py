"""What the first synchronization of a large organization takes, and assigning all of it.

    python -m bench.dep [--databases postgresql] [--sizes 100000]

The device assignment service is played by a process of its own, which takes `--latency` seconds
for a page besides its own work. The default is half a second: nobody is promised anything, but a
request for a thousand devices crosses the internet and Apple's own databases, so it is rather a
short time than a long one; and the next page is fetched while one is stored, so the bar is met by
whatever stores a page in less than Apple takes for one. With 0 there is nothing to hide behind: it
measures what storing costs, and misses the bar. Bars: the first
synchronization takes at most 1.3 times as long as fetching its pages alone, and its memory stays
within 32 MB of what a tenth of it needed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa
from flask import Flask

from bench import report
from bench.push_flush import own_cpu
from bench.report import Row
from bench.staging import arguments, cpu, database_in
from tests import hosts
from tests.dep_road import Dep
from zmdm_plugin import db
from zmdm_plugin.jobs import dep as jobs
from zmdm_plugin.models import DepDevice, JobRun
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.dep import assigning, connection, orders, setup
from zmdm_plugin.services.dep import sync as syncing
from zmdm_plugin.web import dep as talking

RATIO, MEMORY = 1.3, 32.0
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Watch:
    """The memory of this process, looked at a hundred times a second while something is done."""

    samples: list[float] = field(default_factory=list)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Megabytes, in order."""
        over = threading.Event()

        def look() -> None:
            while not over.wait(0.01):
                pages = int(Path("/proc/self/statm").read_text().split()[1])
                self.samples.append(pages * _PAGE / 1e6)

        thread = threading.Thread(target=look)
        thread.start()
        yield
        over.set()
        thread.join()

    def growth(self) -> float:
        """How much more the rest needed than the first tenth."""
        tenth = max(1, len(self.samples) // 10)
        return max(self.samples) - max(self.samples[:tenth])


@contextmanager
def played() -> Iterator[str]:
    """The service in a process of its own; its address."""
    command = [sys.executable, "-m", "zmdm_simulator", "dep", "play"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()


def connect(app: Flask, url: str) -> Dep:
    """The application, connected with an organization that has no devices yet."""
    with app.app_context():
        with db.transaction():
            server_id = setup.begin("MDM", actor=hosts.ADMINISTRATOR, now=utcnow()).id
        key = setup.public_key(connection.find(server_id)).decode()
        made = control(url, "servers", name="MDM", certificate=key)["p7m"]
        talking.take_token(server_id, made.encode(), actor=hosts.ADMINISTRATOR)
        work(jobs.sync, _newest("dep.sync"))
    return Dep(app, None, server_id)  # type: ignore[arg-type]


def control(url: str, action: str, **asked: Any) -> dict[str, Any]:
    """What Apple has not: the plane that changes what it says."""
    answer = httpx.post(f"{url}/played/{action}", json=asked, timeout=600).raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def fetch_alone(dep: Dep) -> float:
    """Seconds for all pages, read as the synchronization reads them, and nothing kept."""
    with dep.app.app_context(), talking.talk(dep.server_id) as client:
        client.account()
        start, cursor, more = time.perf_counter(), "", True
        while more:
            page = client.fetch_devices(cursor)
            cursor, more = page.cursor, page.more_to_follow
        return time.perf_counter() - start


def work(job: Callable[[str], None], uid: str) -> JobRun:
    """Slice after slice, as workers do."""
    while True:
        job(uid)
        db.session().rollback()
        run = db.session().scalars(sa.select(JobRun).where(JobRun.uid == uid)).one()
        if run.finished_at is not None:
            assert run.state == "done", run.message
            return run


def _newest(name: str) -> str:
    query = sa.select(JobRun.uid).where(JobRun.name == name).order_by(JobRun.id.desc())
    return str(db.session().scalars(query).first())


def synchronize(dep: Dep, alone: float, *, where: str, database: int | None) -> bool:
    """The first synchronization; whether it met its bars. `database`: the server's process."""
    watch = Watch()
    with dep.app.app_context():
        with db.transaction():
            syncing.start(dep.server_id, hosts.ADMINISTRATOR, full=True, now=utcnow())
        start, used = time.perf_counter(), own_cpu() + cpu(database)
        with watch.watching():
            done = work(jobs.sync, _newest("dep.sync")).done
        seconds = time.perf_counter() - start
        used = own_cpu() + cpu(database) - used
        kept = db.session().scalar(sa.select(sa.func.count(DepDevice.id)))
    assert kept == done, (kept, done)
    ratio, grown = seconds / alone, watch.growth()
    met = ratio <= RATIO and grown <= MEMORY
    said = f"{seconds:.1f} s, pages alone {alone:.1f} s: {ratio:.2f} times; {grown:+.0f} MB"
    row = Row(
        benchmark="dep",
        what=f"first synchronization, {where}",
        cpu_ms=used / done * 1e3,
        per_second=done / seconds,
        bar=f"{RATIO} times, {MEMORY:.0f} MB ({ratio:.2f}, {grown:+.0f})",
        met=met,
    )
    report.add(
        row, f"{said}; {done / seconds:,.0f} devices/s, {used / done * 1e6:,.0f} ms CPU a page"
    )
    return met


def assign(dep: Dep, *, where: str) -> None:
    """A default enrollment for all of them."""
    enrollment_id = dep.enrollment("Staff")
    with dep.app.app_context():
        with db.transaction():
            orders.set_default(
                dep.server_id, enrollment_id, actor=hosts.ADMINISTRATOR, now=utcnow()
            )
        start = time.perf_counter()
        done = work(jobs.assign, _newest(assigning.JOB)).done
        seconds = time.perf_counter() - start
        left = db.session().scalar(
            sa.select(sa.func.count(DepDevice.id)).where(DepDevice.assignment != "assigned")
        )
    assert left == 0, left
    row = Row(benchmark="dep", what=f"assignment, {where}", per_second=done / seconds)
    report.add(row, f"{done:,} in {seconds:.1f} s, {done / seconds:,.0f} devices/s")


def main() -> int:
    parser = arguments(__doc__ or "")
    parser.add_argument("--latency", type=float, default=0.5, help="seconds of Apple per page")
    options = parser.parse_args()
    slow = {"path": "/server/devices", "latency": options.latency, "times": 0}
    met = True
    for database in options.databases:
        for size in options.sizes:
            with ExitStack() as stack:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="zmdm-bench-"))
                uri, pid = database_in(database, Path(folder), stack)
                hosts.migrate(uri)
                url = stack.enter_context(played())
                app = hosts.make_app(uri, ZMDM_DEP_URL=url)
                stack.callback(hosts.close, app)
                dep = connect(app, url)
                control(url, "devices", count=size)
                control(url, "faults", rules=[slow])
                where = f"{database}, {size:,} devices, {options.latency:g} s a page"
                met &= synchronize(dep, fetch_alone(dep), where=where, database=pid)
                assign(dep, where=where)
    return int(not met)


if __name__ == "__main__":
    raise SystemExit(main())
