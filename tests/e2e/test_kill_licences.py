"""Workers that are killed, and several at once, lose no licence and book none twice."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.books import PAGES, Shelf, serials
from zmdm_plugin import db
from zmdm_plugin.jobs import apps_books as jobs
from zmdm_plugin.models import Licence, LicenceRequest
from zmdm_plugin.models.base import utcnow

ROOT = Path(__file__).parents[2]
_WORKER = """
import sys
from tests import hosts
from zmdm_plugin.jobs import apps_books
app = hosts.make_app(sys.argv[1], ZMDM_APPS_BOOKS_URL=sys.argv[2], ZMDM_BASE_URL=sys.argv[3])
print("ready", flush=True)
with app.app_context():
    while True:
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


def finish(shelf: Shelf) -> None:
    """Whatever a killed worker had leased is due at once; go on until nothing is open."""
    for _ in range(20):
        with shelf.app.app_context(), db.transaction() as session:
            session.execute(
                sa.update(LicenceRequest)
                .where(LicenceRequest.finished_at.is_(None))
                .values(due_at=utcnow())
            )
        shelf.work(rounds=1)
        if all(one.finished_at for one in shelf.requests()):
            return


def ordered(shelf: Shelf, number: int) -> None:
    """Wait until Apple has taken so many orders."""
    end = time.monotonic() + 20
    while shelf.played.counts["POST /assets/associate 200"] < number:
        assert time.monotonic() < end, "the worker orders nothing"
        time.sleep(0.002)


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


@pytest.mark.slow
def test_killed_workers_lose_and_double_book_nothing(pg_shelf: Shelf) -> None:
    pg_shelf.add(total=20_000)
    pg_shelf.location()
    pg_shelf.need(PAGES, *serials(12_000))
    url = str(pg_shelf.app.config["SQLALCHEMY_DATABASE_URI"])
    base = str(pg_shelf.app.config["ZMDM_BASE_URL"])
    for orders in (2, 5, 8):
        worker = subprocess.Popen(
            [sys.executable, "-c", _WORKER, url, pg_shelf.played.url, base],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
        )
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"ready\n"
        ordered(pg_shelf, orders)
        worker.kill()
        worker.wait(10)
        worker.stdout.close()
    finish(pg_shelf)
    agree(pg_shelf, 12_000)
