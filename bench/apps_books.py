"""Apps & Books on PostgreSQL: reading a million licences, and assigning one app to a fleet.

    python -m bench.apps_books --licences 1000000 --devices 100000

Apple is played by a process of its own, and so is the web server that it notifies; this process is
the worker. CPU times are told apart, for all of them share the machine.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa
from flask import Flask

from bench import report
from bench.report import Row
from bench.staging import cpu, database_in, free_port, served, tidy_database
from tests import hosts
from tests.books import serials
from zmdm_plugin import db
from zmdm_plugin.db import run_in_transaction
from zmdm_plugin.jobs import apps_books as jobs
from zmdm_plugin.models import Asset, Licence, LicenceRequest, Location, LocationAsset
from zmdm_plugin.services import job_runs
from zmdm_plugin.services.apps_books import connection, licences, locations, syncing

NAME = "apps_books"
BAR_SYNC, BAR_ASSIGN = 1.3, 1.1
BAR_MEMORY = 32
"""MB more than a tenth of it takes."""
CHUNK = 50_000
"""Serial numbers in one order of the played portal."""


@dataclass(slots=True)
class Desk:
    """The worker's application, and the processes around it."""

    app: Flask
    apple: httpx.Client
    processes: dict[str, int]
    token: str = ""
    location_id: int = 0

    def say(self, name: str, /, **asked: Any) -> dict[str, Any]:
        """Tell the played Apple something."""
        answer = self.apple.post(f"/played/{name}", json=asked)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def stats(self) -> dict[str, Any]:
        found: dict[str, Any] = self.apple.get("/played/stats").json()
        return found

    def settle(self) -> None:
        """Until Apple has done and told everything."""
        while not self.stats()["idle"]:
            time.sleep(0.05)

    def fill(self, adam_id: str, number: int) -> None:
        """An app of which somebody in the portal has assigned so many licences."""
        self.say("assets", adam_id=adam_id, total=number)
        for start in range(0, number, CHUNK):
            some = serials(min(CHUNK, number - start), first=start)
            self.say("assign", adam_id=adam_id, serials=some)
        self.settle()

    def upload(self) -> None:
        """What an administrator does."""
        with self.app.app_context():
            found = locations.inspect(self.token.encode())
            with db.transaction():
                location = locations.create(hosts.ADMINISTRATOR, found)
                db.session().flush()
                self.location_id = location.id

    def sync(self, mode: str) -> None:
        """One sync, slice after slice."""
        with self.app.app_context():
            with db.transaction():
                row = db.session().get_one(Location, self.location_id)
                uid = syncing.start(hosts.ADMINISTRATOR, row, mode).uid
            while job_runs.find(uid).finished_at is None:
                jobs.sync(uid)
            run = job_runs.find(uid)
            assert run.state == "done", run.message

    def fetch(self) -> None:
        """Every page, read and thrown away."""
        with self.app.app_context():
            given = run_in_transaction(lambda: connection.credentials(self.location_id))
            client, page = connection.client(given), 0
            while (following := client.assignments(page).paging.next_page) is not None:
                page = following

    def asset(self, adam_id: str) -> int:
        """The row of an app at the location."""
        query = sa.select(LocationAsset.id).join(Asset, Asset.id == LocationAsset.asset_id)
        return int(db.session().scalars(query.where(Asset.adam_id == adam_id)).one())

    def spent(self) -> dict[str, float]:
        """CPU seconds of each process and its children so far."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        own = {"worker": used.ru_utime + used.ru_stime}
        return own | {name: cpu(pid) for name, pid in self.processes.items()}


@contextmanager
def desk() -> Iterator[Desk]:
    """PostgreSQL, the played Apple, the web server, and an application for the worker."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="zmdm-bench-")))
        uri, database = database_in("postgresql", folder, stack)
        hosts.migrate(uri)
        apple, url = stack.enter_context(_apple())
        port = free_port()
        settings = {"ZMDM_APPS_BOOKS_URL": url, "ZMDM_BASE_URL": f"http://127.0.0.1:{port}"}
        web = stack.enter_context(served("gunicorn", port, uri, settings, folder))
        app = hosts.make_app(uri, **settings)
        stack.callback(hosts.close, app)
        http = stack.enter_context(httpx.Client(base_url=url, timeout=120))
        processes = {"database": database or 0, "web server": web, "played Apple": apple}
        on = Desk(app, http, processes)
        on.token = on.say("locations", name="Berlin")["token"]
        yield on
        with app.app_context():
            connection.close()


@contextmanager
def _apple() -> Iterator[tuple[int, str]]:
    """The played service as a process: its id and its address."""
    command = [sys.executable, "-m", "zmdm_simulator", "vpp", "play"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.pid, process.stdout.readline().removeprefix("vpp: ").strip()
    finally:
        process.terminate()
        process.wait(15)


def sync(on: Desk, number: int) -> None:
    """A full reading, of what is new and of what is known, beside the mere fetching of the pages.

    All at Apple's rate. A tenth of it was read before: what the process has grown since is told.
    """
    on.fill("1", number // 10)
    on.upload()
    on.sync("full")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    on.say("faults", silent=True)
    on.fill("1", number)
    on.say("faults")
    first = _timed(lambda: on.sync("full"))
    fetched = _timed(on.fetch)
    again = _timed(lambda: on.sync("full"))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    said = f"fetching alone {fetched:.1f} s, {grown:.0f} MB more at most; {_load()}"
    for what, took in (("first sync", first), ("sync again", again)):
        ratio = took / fetched
        row = Row(
            benchmark=NAME,
            what=f"{what} of {number:,} licences, {ratio:.2f} times the fetch",
            per_second=number / took,
            bar=f"{BAR_SYNC:g} times, {BAR_MEMORY} MB",
            met=ratio <= BAR_SYNC and grown <= BAR_MEMORY,
        )
        report.add(row, f"{took:.1f} s, {said}")


def _load() -> str:
    """How many processes want the machine's cores, the benchmark's own among them."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def assign(on: Desk, number: int) -> None:
    """One app for so many devices, from the wish until every licence is booked here.

    The floor is what Apple's own limits leave: as many orders as it takes with `maxSerialNumbers`
    in each, at `maxRequestPerSecond`.
    """
    on.say("assets", adam_id="2", total=number)
    on.sync("incremental")
    with on.app.app_context():
        row = on.asset("2")
        limits = run_in_transaction(lambda: connection.credentials(on.location_id)).limits
        run_in_transaction(lambda: licences.need(row, serials(number)))
    tidy_database(on.app)
    floor = -(-number // limits["maxSerialNumbers"]) / limits["maxRequestPerSecond"]
    before, begun = on.spent(), time.time()
    _work_off(on, row, number)
    booked = time.time() - begun
    spent = {name: used - before[name] for name, used in on.spent().items()}
    ordered = _last_order(on, row) - begun
    _check(on, row, number)
    _tell(number, floor, ordered, booked, spent)


def _work_off(on: Desk, row: int, number: int) -> None:
    """What a worker does: job after job, until every licence is here."""
    while True:
        with on.app.app_context():
            jobs.work(on.location_id)
            held = sa.select(LocationAsset.assigned_count).where(LocationAsset.id == row)
            if db.session().scalar(held) == number:
                return
        time.sleep(0.02)


def _last_order(on: Desk, row: int) -> float:
    """When Apple had taken the last order, seconds since 1970."""
    sent = sa.select(sa.func.max(LicenceRequest.sent_at))
    with on.app.app_context():
        found = db.session().scalar(sent.where(LicenceRequest.location_asset_id == row))
    assert found is not None
    return float(found.timestamp())


def _check(on: Desk, row: int, number: int) -> None:
    """Apple's books and ours say the same."""
    count = sa.select(sa.func.count()).where(Licence.location_asset_id == row, Licence.held)
    with on.app.app_context():
        assert db.session().scalar(count) == number
    assets = on.apple.get("/played/books").json()["assets"]
    assert next(one["assignedCount"] for one in assets if one["adamId"] == "2") == number


def _tell(
    number: int, floor: float, ordered: float, booked: float, spent: dict[str, float]
) -> None:
    ours = {name: used for name, used in spent.items() if name != "played Apple"}
    each = ", ".join(f"{name} {used / number * 1e6:.0f}" for name, used in spent.items())
    report.add(
        Row(
            benchmark=NAME,
            what=f"{number:,} licences ordered, {ordered / floor:.2f} times the rate's floor",
            cpu_ms=sum(ours.values()) / number * 1e3,
            per_second=number / ordered,
            bar=f"{BAR_ASSIGN:g} times",
            met=ordered <= floor * BAR_ASSIGN,
        ),
        f"ordered in {ordered:.1f} s, booked in {booked:.1f} s, floor {floor:.1f} s; "
        f"microseconds of CPU for each: {each}; {_load()}",
    )


def _timed(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--licences", type=int, default=1_000_000)
    parser.add_argument("--devices", type=int, default=100_000)
    options = parser.parse_args(argv)
    with desk() as on:
        sync(on, options.licences)
        assign(on, options.devices)


if __name__ == "__main__":
    main()
