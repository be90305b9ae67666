"""The ground the other tests stand on: servers that restart, databases that are fresh."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import httpx
import psycopg
import pytest
import redis
import sqlalchemy as sa
from flask import Flask

from tests import servers
from tests.processes import Child, NotReady
from tests.servers import Postgres, Redis
from zmdm_plugin import queues


def ask(server: Postgres, statement: str) -> list[tuple[object, ...]]:
    """Run one statement in the maintenance database."""
    plain = server.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def test_a_killed_postgresql_comes_back_with_its_data(own_postgres: Postgres) -> None:
    ask(own_postgres, "CREATE TABLE kept AS SELECT 1 AS x")
    own_postgres.kill()
    with pytest.raises(psycopg.OperationalError):
        ask(own_postgres, "SELECT 1")
    own_postgres.start()
    assert ask(own_postgres, "SELECT x FROM kept") == [(1,)]


def test_a_durable_redis_keeps_what_it_had() -> None:
    server = Redis.own(durable=True)
    try:
        with redis.Redis.from_url(server.url) as client:
            client.set("key", "value")
            server.stop()
            server.start()
            assert client.get("key") == b"value"
    finally:
        server.remove()


def test_the_wheel_brings_a_postgresql_that_another_user_may_run(tmp_path: Path) -> None:
    user = servers.other_user()
    folder = servers.private_folder("zpg", user)
    try:
        binaries = servers.wheel_binaries(folder, user)
        assert user is None or servers.may_run(binaries / "postgres", user)
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("round", [1, 2])
def test_every_test_finds_an_empty_database(any_app: Flask, round: int) -> None:
    with any_app.app_context(), any_app.extensions["sqlalchemy"].engine.begin() as connection:
        tables = set(sa.inspect(connection).get_table_names())
        connection.exec_driver_sql("CREATE TABLE left_over (x INTEGER)")
    assert "zmdm_device" in tables
    assert "left_over" not in tables


def test_a_database_is_gone_after_its_test(postgres: Postgres) -> None:
    url = postgres.create()
    postgres.drop(url)
    names = ask(postgres, "SELECT datname FROM pg_database")
    assert (url.database,) not in names


def test_a_live_server_keeps_connections(app: Flask, live_server: Callable[[Flask], str]) -> None:
    app.add_url_rule("/ping", "ping", lambda: "pong")
    with httpx.Client(base_url=live_server(app)) as client:
        answers = [client.get("/ping") for _ in range(2)]
    assert [answer.text for answer in answers] == ["pong", "pong"]
    assert answers[1].http_version == "HTTP/1.1"


def test_a_child_that_ends_at_once_is_named_with_its_last_words(tmp_path: Path) -> None:
    child = Child(["sh", "-c", "echo no such thing; exit 3"], tmp_path / "log")
    with pytest.raises(NotReady, match=r"ended with 3\nno such thing"):
        child.start(lambda: False)


def test_a_deferred_job_runs_and_is_counted(app: Flask, run_jobs: Callable[[Flask], int]) -> None:
    with app.app_context():
        queues.defer_now("sweep")
    assert run_jobs(app) >= 1
    assert run_jobs(app) == 0


def test_a_job_that_fails_fails_its_test(app: Flask, run_jobs: Callable[[Flask], int]) -> None:
    with app.app_context():
        queues.defer_now("no such job")
    with pytest.raises(AssertionError, match="KeyError: 'no such job'"):
        run_jobs(app)
