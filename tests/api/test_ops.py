"""/public/mdm/healthz and readyz, for load balancers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from flask import Flask

from zmdm_plugin import migrate


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
