"""transaction(): commit, then tell; or roll back and stay silent."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from zmdm_plugin import db
from zmdm_plugin.errors import Unavailable
from zmdm_plugin.models import Revision


class Stopped(Exception):
    """Something that goes wrong inside a transaction."""


def value(name: str) -> int | None:
    return db.session().scalar(sa.select(Revision.value).where(Revision.name == name))


def test_what_waits_is_told_after_the_commit(any_app: Flask) -> None:
    seen: list[int | None] = []
    with any_app.app_context():
        with db.transaction() as session:
            session.add(Revision(name="x", value=1))
            db.after_commit(lambda: seen.append(value("x")))
            assert seen == []
        assert seen == [1]


def test_after_a_rollback_nobody_is_told(any_app: Flask) -> None:
    seen: list[str] = []
    with any_app.app_context():
        with pytest.raises(Stopped), db.transaction() as session:
            session.add(Revision(name="x", value=1))
            db.after_commit(lambda: seen.append("told"))
            raise Stopped
        assert value("x") is None
    assert seen == []


def test_one_receiver_that_fails_does_not_silence_the_next(app: Flask) -> None:
    seen: list[str] = []

    def fails() -> None:
        raise Stopped

    with app.app_context(), db.transaction():
        db.after_commit(fails)
        db.after_commit(lambda: seen.append("told"))
    assert seen == ["told"]


def test_a_transaction_in_a_transaction_is_a_mistake(app: Flask) -> None:
    with app.app_context(), db.transaction(), pytest.raises(RuntimeError), db.transaction():
        pass


def test_pending_changes_of_the_host_are_never_rolled_back_unseen(app: Flask) -> None:
    with app.app_context():
        db.session().add(Revision(name="host", value=1))
        with pytest.raises(RuntimeError, match="uncommitted"), db.transaction():
            pass


def test_flushed_changes_of_the_host_are_never_rolled_back_unseen(app: Flask) -> None:
    with app.app_context():
        db.session().add(Revision(name="host", value=1))
        db.session().flush()
        with pytest.raises(RuntimeError, match="uncommitted"), db.transaction():
            pass


def test_a_read_transaction_of_the_host_is_ended(app: Flask) -> None:
    with app.app_context():
        value("x")
        with db.transaction() as session:
            session.add(Revision(name="x", value=1))
        assert value("x") == 1


def test_a_host_that_reads_and_then_writes_is_not_stopped_by_a_device(app: Flask) -> None:
    poll = db.HotStatement("UPDATE zmdm_revision SET value = value + 1 WHERE name = :n RETURNING 1")
    with app.app_context():
        with db.transaction() as session:
            session.add_all([Revision(name="host", value=1), Revision(name="polls", value=1)])
        row = db.session().get_one(Revision, "host")
        other = threading.Thread(target=lambda: in_context(app, lambda: run(poll, {"n": "polls"})))
        other.start()
        other.join()
        row.value = 2
        db.session().commit()
        assert (value("host"), value("polls")) == (2, 2)


def run(statement: db.HotStatement, values: dict[str, object]) -> tuple[object, ...] | None:
    return statement.first(values, bound=db.engine(), prepare=True)


def in_context(app: Flask, work: Callable[[], object]) -> None:
    with app.app_context():
        work()


def test_no_update_is_lost(any_app: Flask) -> None:
    def count() -> None:
        with any_app.app_context():
            for _ in range(25):
                db.run_in_transaction(add_one, tries=20)

    def add_one() -> None:
        row = db.session().get_one(Revision, "x", with_for_update=True)
        row.value += 1

    with any_app.app_context(), db.transaction() as session:
        session.add(Revision(name="x", value=0))
    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with any_app.app_context():
        assert value("x") == 100


def test_the_hot_statement_commits_by_itself(any_app: Flask) -> None:
    with any_app.app_context():
        with db.transaction() as session:
            session.add(Revision(name="x", value=1))
        statement = db.HotStatement(
            "UPDATE zmdm_revision SET value = value + :step WHERE name = :name RETURNING value"
        )
        assert run(statement, {"step": 2, "name": "x"}) == (3,)
        db.session().rollback()
        assert value("x") == 3


def test_a_host_parameter_never_reaches_a_traceback(app: Flask) -> None:
    with app.app_context(), pytest.raises(sa.exc.SQLAlchemyError) as raised:
        db.session().execute(sa.text("SELECT * FROM nowhere WHERE x = :x"), {"x": "hush"})
    assert "hush" not in str(raised.value)


def test_a_database_that_is_away_is_an_outage(make_app, tmp_path) -> None:  # type: ignore[no-untyped-def]
    app = make_app(f"sqlite:///{tmp_path}/missing/zmdm.sqlite3")
    with app.app_context(), pytest.raises(Unavailable), db.outages():
        value("x")
