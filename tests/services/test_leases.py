"""Leases: one holder at a time, and none for ever."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from flask import Flask

from zmdm_plugin import db
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import leases

HALF_A_MINUTE = timedelta(seconds=30)


def acquire(app: Flask, holder: str, now: datetime) -> bool:
    def take() -> bool:
        return leases.acquire("scheduler", holder, now=now, lasts=HALF_A_MINUTE)

    with app.app_context():
        return db.run_in_transaction(take)


def test_a_lease_has_one_holder(any_app: Flask) -> None:
    now = utcnow()
    assert acquire(any_app, "one", now)
    assert not acquire(any_app, "two", now)
    assert acquire(any_app, "one", now)


def test_a_lease_that_is_not_renewed_ends(any_app: Flask) -> None:
    now = utcnow()
    acquire(any_app, "one", now)
    assert not acquire(any_app, "two", now + HALF_A_MINUTE / 2)
    assert acquire(any_app, "two", now + HALF_A_MINUTE)
    assert not acquire(any_app, "one", now + HALF_A_MINUTE)


def test_a_renewed_lease_lasts_from_then_on(any_app: Flask) -> None:
    now = utcnow()
    acquire(any_app, "one", now)
    acquire(any_app, "one", now + HALF_A_MINUTE / 2)
    assert not acquire(any_app, "two", now + HALF_A_MINUTE)


def test_a_lease_given_back_is_free_at_once(any_app: Flask) -> None:
    now = utcnow()
    acquire(any_app, "one", now)
    with any_app.app_context(), db.transaction():
        leases.release("scheduler", "two")
    assert not acquire(any_app, "two", now)
    with any_app.app_context(), db.transaction():
        leases.release("scheduler", "one")
    assert acquire(any_app, "two", now)


def test_of_many_that_ask_at_once_one_gets_it(pg_app: Flask) -> None:
    now = utcnow()
    with ThreadPoolExecutor(8) as threads:
        got = list(threads.map(lambda n: acquire(pg_app, f"holder {n}", now), range(8)))
    assert got.count(True) == 1
