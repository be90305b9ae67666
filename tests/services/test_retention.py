"""Forgetting: what is finished and old goes, oldest first and in chunks; nothing else does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.api.world import add_device
from tests.hosts import ADMINISTRATOR
from zmdm_plugin import db
from zmdm_plugin.jobs import JOBS, SCHEDULE
from zmdm_plugin.models import AuditEntry, Channel, ChannelCommand, Event, JobRun
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import audit, job_runs, retention

DAY = timedelta(days=1)


def add_commands(app: Flask, count: int, *, days: int, finished: bool = True) -> None:
    """Commands that were ordered, and perhaps finished, so many days ago."""
    then = utcnow() - days * DAY
    with app.app_context(), db.transaction() as session:
        channel_id, device_id = session.execute(sa.select(Channel.id, Channel.device_id)).one()
        state = "acknowledged" if finished else "queued"
        given = {"channel_id": channel_id, "device_id": device_id, "name": "Any", "state": state}
        session.add_all(
            ChannelCommand(
                **given,
                request_type="Any",
                args={},
                created_at=then,
                finished_at=then if finished else None,
            )
            for _ in range(count)
        )


@pytest.mark.settings(ZMDM_KEEP_EVENTS_BY_KIND="command.=14, secret.=0")
def test_events_are_kept_as_long_as_their_kind_says(app: Flask) -> None:
    with app.app_context(), db.transaction() as session:
        for kind in ("command.sent", "secret.viewed", "device.enrolled", "job.failed"):
            for days in (10, 20, 400):
                then = utcnow() - days * DAY
                session.add(Event(kind=kind, payload={}, created_at=then))
    run = forget(app)
    assert run is not None and (run.result or {})["events"] == 3
    assert left(app, Event, Event.kind == "command.sent") == 1
    assert left(app, Event, Event.kind == "job.failed") == 2
    assert left(app, Event, Event.kind.in_(("secret.viewed", "device.enrolled"))) == 6


def add_events(app: Flask, *days: int) -> None:
    with app.app_context(), db.transaction() as session:
        session.add_all(
            Event(kind="test", payload={}, created_at=utcnow() - one * DAY) for one in days
        )


def left(app: Flask, model: Any, *conditions: Any) -> int:
    with app.app_context():
        query = sa.select(sa.func.count()).select_from(model).where(*conditions)
        return int(db.session().scalar(query) or 0)


def forget(app: Flask) -> JobRun | None:
    """A day's look; the run as it ended, None if nothing was old enough."""
    with app.app_context():
        JOBS["retention.start"]()
        newest = sa.select(JobRun.uid).where(JobRun.name == retention.JOB)
        uid = db.session().scalar(newest.order_by(JobRun.id.desc()))
        if uid is None:
            return None
        JOBS["retention.run"](uid)
        db.session().rollback()
        run = job_runs.find(uid)
        db.session().expunge(run)
        return run


def test_finished_commands_go_and_outstanding_ones_stay(any_app: Flask) -> None:
    add_device(any_app)
    add_commands(any_app, 3, days=91)
    add_commands(any_app, 2, days=89)
    add_commands(any_app, 1, days=900, finished=False)
    run = forget(any_app)
    assert run is not None and (run.state, run.done, run.total) == ("done", 3, 3)
    assert {name: number for name, number in (run.result or {}).items() if number} == {
        "commands": 3
    }
    assert left(any_app, ChannelCommand) == 3


def test_more_than_a_chunk_takes_several_steps(any_app: Flask) -> None:
    add_device(any_app)
    add_commands(any_app, retention.CHUNK + 5, days=100)
    run = forget(any_app)
    assert run is not None and run.done == retention.CHUNK + 5
    assert left(any_app, ChannelCommand) == 0


def test_once_a_day_is_enough_and_nothing_to_do_is_no_run(app: Flask) -> None:
    assert forget(app) is None
    add_events(app, 400)
    assert forget(app) is not None and left(app, Event) == 0
    add_events(app, 400)
    forget(app)
    assert left(app, Event) == 1 and left(app, JobRun) == 1


def test_a_run_that_was_killed_goes_on_with_the_same_moments(app: Flask) -> None:
    add_events(app, *[400] * (retention.CHUNK + 1))
    with app.app_context():
        with db.transaction():
            run = retention.start_if_due(now=utcnow())
            assert run is not None
            uid = run.uid
        with db.transaction():
            claimed = job_runs.claim(uid, now=utcnow())
            assert claimed is not None
            for _ in range(3):
                claimed = job_runs.advance(claimed, retention.step(claimed), now=utcnow())
                assert claimed is not None
        with db.transaction():
            job_runs.sweep(now=utcnow() + DAY)
        JOBS["retention.run"](uid)
        assert job_runs.find(uid).state == "done"
    assert left(app, Event) == 0


def test_the_audit_is_kept_for_ever_unless_told(app: Flask) -> None:
    old_entries(app)
    forget(app)
    assert left(app, AuditEntry) == 2


@pytest.mark.settings(ZMDM_KEEP_AUDIT_DAYS=400)
def test_what_the_audit_loses_is_an_entry_of_the_audit(app: Flask) -> None:
    old_entries(app)
    forget(app)
    with app.app_context():
        (entry,) = db.session().scalars(sa.select(AuditEntry))
    assert (entry.action, entry.actor_kind) == ("audit.forget", "system")
    assert (entry.reason or "").startswith("2 entries from before 20")


def old_entries(app: Flask) -> None:
    with app.app_context(), db.transaction() as session:
        for _ in "12":
            audit.record(ADMINISTRATOR, "test")
        session.execute(sa.update(AuditEntry).values(created_at=utcnow() - 401 * DAY))


@pytest.mark.settings(ZMDM_KEEP_EVENTS_DAYS=1)
def test_a_month_is_kept_whatever_the_setting_says(app: Flask) -> None:
    add_events(app, 34, 36)
    forget(app)
    assert left(app, Event) == 1


@pytest.mark.settings(ZMDM_KEEP_EVENTS_DAYS=0)
def test_zero_is_for_ever(app: Flask) -> None:
    add_events(app, 5000)
    assert forget(app) is None and left(app, Event) == 1


def test_the_scheduler_looks(app: Flask) -> None:
    assert SCHEDULE["retention.start"](app.extensions["zmdm"].settings) == 3600


def test_the_oldest_are_found_by_an_index(pg_app: Flask) -> None:
    add_device(pg_app)
    add_commands(pg_app, 300, days=10)
    with pg_app.app_context(), db.engine().connect() as connection:
        connection.execute(sa.text("SET enable_seqscan = off"))
        for name in (*retention.KINDS, "events command.sent"):
            old = retention.oldest(name, utcnow() - 100 * DAY)
            text = str(old.compile(connection, compile_kwargs={"literal_binds": True}))
            plan = "\n".join(connection.scalars(sa.text(f"EXPLAIN {text}")))
            assert "Index Cond" in plan or "Index Only Scan" in plan, plan
