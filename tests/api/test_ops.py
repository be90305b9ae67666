"""/public/mdm/healthz and readyz, for load balancers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from zmdm_plugin import db, migrate
from zmdm_plugin.models import SealingKey
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import leases


def test_a_process_that_answers_is_healthy_without_its_database(
    make_app: Callable[..., Flask], tmp_path: Path
) -> None:
    app = make_app(f"sqlite:///{tmp_path}/missing/folder/zmdm.sqlite3")
    client = app.test_client()
    assert client.get("/public/mdm/healthz").status_code == 200
    answer = client.get("/public/mdm/readyz")
    assert (answer.status_code, answer.text) == (503, "database\n")


def test_it_is_ready_once_the_tables_are_there(
    make_app: Callable[..., Flask], tmp_path: Path
) -> None:
    app = make_app(f"sqlite:///{tmp_path}/new.sqlite3")
    client = app.test_client()
    assert client.get("/public/mdm/readyz").text == "migrations\n"
    with app.app_context():
        migrate.upgrade(app.extensions["sqlalchemy"].engine)
    assert client.get("/public/mdm/readyz").status_code == 200


def test_dead_processes_are_named_and_a_watchdog_gets_503(app: Flask) -> None:
    def answer(path: str) -> tuple[int, list[str]]:
        found = app.test_client().get(f"/public/mdm/readyz{path}")
        return found.status_code, found.text.split()

    every = ["scheduler", "worker:push", "worker:default"]
    assert answer("") == (200, ["ok", *every])
    assert answer("?processes=1") == (503, ["processes", *every])
    with app.app_context(), db.transaction():
        for name in every[1:]:
            leases.beat(name, "worker", now=utcnow())
    assert answer("?processes=1") == (503, ["processes", "scheduler"])
    with app.app_context(), db.transaction():
        leases.beat("scheduler", "scheduler", now=utcnow())
    assert answer("?processes=1") == (200, ["ok"])


def test_a_process_that_lacks_a_key_in_use_by_now_is_not_ready(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/public/mdm/readyz").status_code == 200
    with app.app_context(), db.transaction() as session:
        session.add(SealingKey(key_id="another", first_used_at=utcnow()))
    answer = client.get("/public/mdm/readyz")
    assert (answer.status_code, answer.text) == (503, "keys\n")


@pytest.mark.settings(ZMDM_REDIS_URL="redis://127.0.0.1:1/0")
def test_without_redis_it_is_ready_and_says_so_when_asked(app: Flask) -> None:
    answer = app.test_client().get("/public/mdm/readyz?verbose")
    lines = ["database ok", "migrations ok", "keys ok", "redis missing"]
    assert (answer.status_code, answer.text.split("\n")[-5:-1]) == (200, lines)
