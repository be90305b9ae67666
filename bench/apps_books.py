"""Apps & Books on PostgreSQL: reading a million licences, and assigning one app to a fleet.

python -m bench.apps_books --licences 1000000 --devices 100000
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from contextlib import ExitStack

from flask import Flask

from bench import report
from bench.report import Row
from tests import hosts
from tests.books import Shelf, lay_books, serials
from tests.servers import Postgres
from zmdm_plugin.db import run_in_transaction
from zmdm_plugin.jobs import apps_books as jobs
from zmdm_plugin.services.apps_books import connection

NAME = "apps_books"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--licences", type=int, default=1_000_000)
    parser.add_argument("--devices", type=int, default=100_000)
    options = parser.parse_args()
    with ExitStack() as stack:
        postgres = Postgres.own()
        stack.callback(postgres.remove)
        url = postgres.create().render_as_string(hide_password=False)
        hosts.migrate(url)
        made: list[Flask] = []

        def make(uri: str, **settings: object) -> Flask:
            made.append(hosts.make_app(uri, **settings))
            return made[-1]

        shelf = stack.enter_context(lay_books(make, url))
        stack.callback(lambda: hosts.close(made[0]))
        sync(shelf, options.licences)
        assign(shelf, options.devices)


def sync(shelf: Shelf, number: int) -> None:
    """A full reading beside the mere fetching of the same pages, both at Apple's rate."""
    shelf.books.fill(shelf.add(total=number), serials(number))
    shelf.upload()
    assert shelf.sync().state == "done"
    shelf.played.fail(rate=15)
    assert shelf.sync().state == "done"
    fetched = _timed(lambda: fetch(shelf))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    took = _timed(lambda: shelf.sync("full"))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    said = f"{took:.1f} s, fetching alone {fetched:.1f} s, {grown:.0f} MB more at most"
    ratio = took / fetched
    report.add(
        Row(
            benchmark=NAME,
            what=f"sync of {number:,} licences, {ratio:.2f} times the fetch",
            per_second=number / took,
            bar="1.3 times",
            met=ratio <= 1.3,
        ),
        said,
    )


def fetch(shelf: Shelf) -> None:
    """Every page, read and thrown away."""
    with shelf.app.app_context():
        client = connection.client(run_in_transaction(lambda: connection.credentials(shelf.id)))
        page: int | None = 0
        while page is not None:
            page = client.assignments(page).paging.next_page


def assign(shelf: Shelf, number: int) -> None:
    """One app for so many devices: orders of a thousand, at fifteen requests a second."""
    shelf.add("2", total=number)
    shelf.sync()
    shelf.need("2", *serials(number))
    counts = shelf.played.counts
    before = counts["POST /assets/associate 200"] + counts["GET /status 200"]

    def work() -> None:
        with shelf.app.app_context():
            jobs.work(shelf.id)

    took = _timed(work)
    asked = counts["POST /assets/associate 200"] + counts["GET /status 200"] - before
    shelf.played.settle(within=600)
    shelf.work(rounds=1)
    assert len(shelf.at_apple("2")) == number == len(shelf.held("2"))
    floor = asked / 15
    report.add(
        Row(
            benchmark=NAME,
            what=f"{number:,} licences ordered, {took / floor:.2f} times the rate's floor",
            per_second=number / took,
            bar="1.1 times",
            met=took <= floor * 1.1,
        ),
        f"{took:.1f} s for {asked} requests, floor {floor:.1f} s",
    )


def _timed(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


if __name__ == "__main__":
    main()
