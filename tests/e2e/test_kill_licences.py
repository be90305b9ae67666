"""Workers that are killed, and several at once, lose no licence and book none twice."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.books import PAGES, Shelf, serials
from tests.licensed import Licensed, lay_licensed
from zmdm_plugin import db
from zmdm_plugin.jobs import apps_books as jobs
from zmdm_plugin.models import Licence, LicenceRequest, LicenceWalk, Revision
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.apps_books import licences

ROOT = Path(__file__).parents[2]
_WORKER = """
import sys
from tests import hosts
from zmdm_plugin.jobs import apps_books
app = hosts.make_app(sys.argv[1], ZMDM_APPS_BOOKS_URL=sys.argv[2], ZMDM_BASE_URL=sys.argv[3])
print("ready", flush=True)
with app.app_context():
    while True:
        apps_books.walk_scopes()
        apps_books.work(1)
"""


def agree(shelf: Shelf, number: int) -> None:
    """Apple's books and ours say the same, and each licence is there once."""
    stock = shelf.books.stock(PAGES)
    assert len(stock.places) == number <= stock.total
    assert shelf.at_apple() == shelf.held()
    assert shelf.counts() == (number, stock.total - number, stock.total)
    assert shelf.asset().reserved_count == 0
    with shelf.app.app_context():
        left = sa.select(sa.func.count()).where(Licence.request_id.is_not(None))
        assert db.session().scalar(left) == 0


def due(shelf: Shelf) -> None:
    """Whatever a killed worker had leased, which may be all there is, is due at once."""
    with shelf.app.app_context(), db.transaction() as session:
        session.execute(
            sa.update(LicenceRequest)
            .where(LicenceRequest.finished_at.is_(None))
            .values(due_at=utcnow())
        )


def finish(shelf: Shelf) -> None:
    """Go on until nothing is open."""
    for _ in range(20):
        due(shelf)
        shelf.work(rounds=1)
        if all(one.finished_at for one in shelf.requests()):
            return


def ordered(shelf: Shelf, number: int) -> None:
    """Wait until Apple has taken so many orders."""
    end = time.monotonic() + 60
    while shelf.played.counts["POST /assets/associate 200"] < number:
        assert time.monotonic() < end, "the worker orders nothing"
        time.sleep(0.002)


def by_hand(shelf: Shelf, number: int) -> None:
    """What an operator does for so many devices."""
    row = shelf.asset().id
    with shelf.app.app_context(), db.transaction():
        licences.assign(row, serials(number))


def test_workers_at_once_never_order_too_many(pg_shelf: Shelf) -> None:
    pg_shelf.add(total=2500)
    pg_shelf.location()
    pg_shelf.need(PAGES, *serials(4000))

    def work(_number: int) -> None:
        with pg_shelf.app.app_context():
            jobs.work(pg_shelf.id)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(8)))
    pg_shelf.played.settle()
    finish(pg_shelf)
    assert pg_shelf.played.counts["POST /assets/associate 400"] == 0
    agree(pg_shelf, 2500)
    assert pg_shelf.standing(serials(4000)[3999]).state == "short"


@contextmanager
def killed(shelf: Shelf) -> Iterator[None]:
    """A worker that walks and orders, and dies at the end."""
    url = str(shelf.app.config["SQLALCHEMY_DATABASE_URI"])
    base = str(shelf.app.config["ZMDM_BASE_URL"])
    worker = subprocess.Popen(
        [sys.executable, "-c", _WORKER, url, shelf.played.url, base],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == b"ready\n"
    try:
        yield
    finally:
        worker.kill()
        worker.wait(10)
        worker.stdout.close()


@pytest.mark.slow
def test_killed_workers_lose_and_double_book_nothing(pg_shelf: Shelf) -> None:
    pg_shelf.add(total=20_000)
    pg_shelf.location()
    by_hand(pg_shelf, 12_000)  # no scope knows these devices: the worker's walks leave them alone
    for orders in (2, 5, 8):
        due(pg_shelf)
        with killed(pg_shelf):
            ordered(pg_shelf, orders)
    finish(pg_shelf)
    agree(pg_shelf, 12_000)


@pytest.fixture
def licensed(make_app: Callable[..., Flask], pg_url: str) -> Iterator[Licensed]:
    with lay_licensed(make_app, pg_url) as laid:
        yield laid


def test_walks_and_orders_at_once_note_each_device_and_never_order_too_many(
    licensed: Licensed,
) -> None:
    licensed.devices(serials(2500))
    licensed.app(total=2000)

    def work(number: int) -> None:
        with licensed.road.app.app_context():
            jobs.walk_scopes() if number % 2 else jobs.work(licensed.shelf.id)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(8)))
    licensed.shelf.played.settle()
    licensed.walk()
    finish(licensed.shelf)
    assert licensed.shelf.played.counts["POST /assets/associate 400"] == 0
    agree(licensed.shelf, 2000)
    waiting = sa.select(sa.func.count()).where(Licence.scoped, ~Licence.held)
    with licensed.road.rows() as session:
        assert session.scalar(waiting) == 500
    assert licensed.shelf.asset().short_at is not None


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_worker_killed_while_it_walks_or_before_apple_is_done_loses_no_device(
    licensed: Licensed,
) -> None:
    licensed.devices(serials(1500))
    licensed.app(total=2000)
    licensed.shelf.played.fail(rate=0, hold=True)
    with killed(licensed.shelf):
        passed(licensed, 1000)
    due(licensed.shelf)
    with killed(licensed.shelf):
        ordered(licensed.shelf, 2)
    assert licensed.at_apple() == []
    licensed.shelf.played.fail(rate=0)
    licensed.walk()
    finish(licensed.shelf)
    agree(licensed.shelf, 1500)


def passed(licensed: Licensed, number: int) -> None:
    """Wait until the walk has come so far, or to its end already."""
    query = sa.select(LicenceWalk.cursor, LicenceWalk.walked == Revision.value).join(
        Revision, Revision.name == LicenceWalk.name
    )
    end = time.monotonic() + 60
    while True:
        with licensed.road.rows() as session:
            cursor, over = session.execute(query).one_or_none() or (0, False)
        if over or cursor >= number:
            return
        assert time.monotonic() < end, "the worker walks nowhere"
        time.sleep(0.002)
