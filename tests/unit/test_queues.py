"""Deferring: after the commit, once, and never at the price of the work itself."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import redis
from flask import Flask
from rq import Queue
from rq.serializers import JSONSerializer

from tests.servers import Redis
from zmdm_plugin import db, queues
from zmdm_plugin.jobs import JOBS, run


def waiting(app: Flask, name: str = queues.PUSH) -> int:
    with redis.Redis.from_url(app.config["ZMDM_REDIS_URL"]) as client:
        return Queue(name, client, serializer=JSONSerializer).count


def test_a_job_is_deferred_when_the_transaction_has_committed(app: Flask) -> None:
    with app.app_context():
        with db.transaction():
            queues.defer("push.flush")
            assert waiting(app) == 0
        assert waiting(app) == 1


def test_a_rollback_defers_nothing(app: Flask) -> None:
    with app.app_context():
        with pytest.raises(LookupError), db.transaction():
            queues.defer("push.flush")
            raise LookupError
        assert waiting(app) == 0


def test_deferring_needs_a_transaction(app: Flask) -> None:
    with app.app_context(), pytest.raises(RuntimeError):
        queues.defer("push.flush")


def test_the_same_wake_up_waits_once(app: Flask) -> None:
    with app.app_context():
        assert queues.defer_now("push.flush", once="push.flush")
        assert not queues.defer_now("push.flush", once="push.flush")
    assert waiting(app) == 1


def test_a_wake_up_ordered_while_its_job_runs_is_not_lost(app: Flask) -> None:
    with app.app_context():
        queues.defer_now("push.flush", once="push.flush")
        queues.started("push.flush")
        assert queues.defer_now("push.flush", once="push.flush")
    assert waiting(app) == 2


def test_a_wake_up_that_nobody_takes_does_not_block_the_next_for_long(app: Flask) -> None:
    with app.app_context(), redis.Redis.from_url(app.config["ZMDM_REDIS_URL"]) as client:
        queues.defer_now("push.flush", once="push.flush")
        assert 0 < client.ttl(queues.once_key("push.flush")) <= 10


def test_pushes_have_a_queue_of_their_own(app: Flask) -> None:
    with app.app_context():
        queues.defer_now("push.flush")
        queues.defer_now("wake.fan_out")
    assert (waiting(app), waiting(app, queues.DEFAULT)) == (1, 1)


def test_nothing_but_json_lies_in_redis(app: Flask) -> None:
    with app.app_context():
        queues.defer_now("push.flush", 7, "seven", once="push.flush")
    with redis.Redis.from_url(app.config["ZMDM_REDIS_URL"]) as client:
        [job] = Queue(queues.PUSH, client, serializer=JSONSerializer).jobs
        assert job.args == ["push.flush", [7, "seven"], "push.flush", None]  # of no request
        assert job.func_name == queues.ENTRY_POINT


def test_without_redis_nothing_is_deferred_and_nothing_fails(
    make_app: Callable[..., Flask], sqlite_url: str
) -> None:
    with make_app(sqlite_url, ZMDM_REDIS_URL="").app_context(), db.transaction():
        queues.defer("push.flush")
        assert queues.defer_now("push.flush") is False


def test_a_redis_that_is_away_costs_little_and_is_left_alone_for_a_while(
    make_app: Callable[..., Flask], sqlite_url: str, own_redis: Redis
) -> None:
    app = make_app(sqlite_url, ZMDM_REDIS_URL=own_redis.url)
    with app.app_context():
        assert queues.defer_now("push.flush")
        own_redis.stop()
        begun = time.monotonic()
        assert not any(queues.defer_now("push.flush", once=str(n)) for n in range(50))
        assert time.monotonic() - begun < 10


def test_a_redis_that_was_restarted_is_used_again_at_once(
    make_app: Callable[..., Flask], sqlite_url: str, own_redis: Redis
) -> None:
    with make_app(sqlite_url, ZMDM_REDIS_URL=own_redis.url).app_context():
        assert queues.defer_now("push.flush")
        own_redis.stop()
        own_redis.start()
        assert queues.defer_now("push.flush")


def test_an_outage_of_the_database_fails_no_job(make_app: Callable[..., Flask]) -> None:
    away = "postgresql+psycopg://nobody@127.0.0.1:9/none?connect_timeout=2"
    with make_app(away).app_context():
        for job in JOBS:
            if job in ("push.flush", "wake.fan_out", "sweep"):
                run(job, [])
