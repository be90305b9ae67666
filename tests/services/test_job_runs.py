"""Long work: progress that is true, one worker at a time, and nothing left "running" for ever."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.hosts import ADMINISTRATOR
from zmdm_plugin import db
from zmdm_plugin.errors import Conflict, Refused, Unavailable
from zmdm_plugin.jobs import runs
from zmdm_plugin.models import Heartbeat, JobRun
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import job_runs, sweep, tokens
from zmdm_plugin.services.job_runs import Claimed, Step

LATER = timedelta(minutes=5)


def start(app: Flask, **more: Any) -> str:
    with app.app_context(), db.transaction():
        values = {"title": "Count to ten", "total": 10, **more}
        return job_runs.start("test.count", ADMINISTRATOR, **values).uid


def look(app: Flask, uid: str) -> JobRun:
    with app.app_context():
        run = job_runs.find(uid)
        db.session().expunge(run)
        return run


def work(app: Flask, uid: str, step: Callable[[Claimed], Step]) -> None:
    with app.app_context():
        runs.work_off(uid, step)


def claim(app: Flask, uid: str) -> Claimed | None:
    with app.app_context(), db.transaction():
        return job_runs.claim(uid, now=utcnow())


def sweep_at(app: Flask, later: timedelta) -> int:
    with app.app_context(), db.transaction():
        return sweep.run(now=utcnow() + later)["runs"]


def note(name: str) -> None:
    """Work that one can count: a row."""
    db.session().add(Heartbeat(name=name, kind="test", seen_at=utcnow()))


def notes(app: Flask) -> list[str]:
    with app.app_context():
        return sorted(db.session().scalars(sa.select(Heartbeat.name)))


def count(claimed: Claimed) -> Step:
    done = claimed.done + 1
    note(f"{done:02}")
    return Step(done=done, cursor={"at": done}, finished=done == 10, result={"counted": done})


def test_a_run_is_worked_off_step_by_step(any_app: Flask) -> None:
    uid = start(any_app)
    assert look(any_app, uid).state == "queued"
    work(any_app, uid, count)
    run = look(any_app, uid)
    assert (run.state, run.done, run.result) == ("done", 10, {"counted": 10})
    assert run.finished_at is not None and run.holder is None
    assert len(notes(any_app)) == 10


def test_a_finished_run_is_not_done_again(app: Flask) -> None:
    uid = start(app)
    work(app, uid, count)
    work(app, uid, count)
    assert len(notes(app)) == 10


def test_a_run_has_one_worker_at_a_time(any_app: Flask) -> None:
    uid = start(any_app)
    assert claim(any_app, uid) is not None
    work(any_app, uid, count)
    assert notes(any_app) == []


def test_the_work_of_a_step_that_fails_is_rolled_back(app: Flask) -> None:
    def stumble(claimed: Claimed) -> Step:
        if claimed.done == 3:
            note("half")
            raise Refused("pin", "six digits")
        return count(claimed)

    uid = start(app)
    work(app, uid, stumble)
    run = look(app, uid)
    assert (run.state, run.done, run.message) == ("failed", 3, "pin: six digits")
    assert notes(app) == ["01", "02", "03"]


def test_a_bug_ends_the_run_without_its_traceback(app: Flask) -> None:
    def broken(claimed: Claimed) -> Step:
        raise ZeroDivisionError("secret")

    uid = start(app)
    with pytest.raises(ZeroDivisionError):
        work(app, uid, broken)
    run = look(app, uid)
    assert run.state == "failed" and "secret" not in str(run.message)


def test_an_outage_does_not_end_a_run(app: Flask) -> None:
    def away(claimed: Claimed) -> Step:
        raise Unavailable("the database is restarting")

    uid = start(app)
    with pytest.raises(Unavailable):
        work(app, uid, away)
    assert look(app, uid).state == "running"
    sweep_at(app, LATER)
    work(app, uid, count)
    assert look(app, uid).state == "done"


def test_a_dead_workers_run_is_queued_again_and_goes_on_where_it_was(any_app: Flask) -> None:
    uid = start(any_app)
    claimed = claim(any_app, uid)
    assert claimed is not None
    with any_app.app_context(), db.transaction():
        job_runs.advance(claimed, count(claimed), now=utcnow())
    assert sweep_at(any_app, timedelta(seconds=60)) == 0
    assert sweep_at(any_app, LATER) == 1
    run = look(any_app, uid)
    assert (run.state, run.done, run.crashes) == ("queued", 1, 1)
    assert "died" in str(run.message)
    work(any_app, uid, count)
    assert len(notes(any_app)) == 10


def test_a_worker_that_was_taken_for_dead_does_no_more_harm(any_app: Flask) -> None:
    uid = start(any_app)
    slow = claim(any_app, uid)
    assert slow is not None
    sweep_at(any_app, LATER)
    assert claim(any_app, uid) is not None
    with any_app.app_context(), pytest.raises(job_runs.Lost), db.transaction():
        job_runs.advance(slow, count(slow), now=utcnow())
    assert notes(any_app) == []


def test_three_deaths_at_the_same_step_end_the_run(app: Flask) -> None:
    uid = start(app)
    for _ in range(3):
        assert claim(app, uid) is not None
        sweep_at(app, LATER)
    run = look(app, uid)
    assert run.state == "failed" and "three times" in str(run.message)
    assert sweep_at(app, 2 * LATER) == 0


def test_progress_forgives_the_deaths_before_it(app: Flask) -> None:
    uid = start(app)
    for _ in range(2):
        assert claim(app, uid) is not None
        sweep_at(app, LATER)
    claimed = claim(app, uid)
    assert claimed is not None
    with app.app_context(), db.transaction():
        job_runs.advance(claimed, count(claimed), now=utcnow())
    assert look(app, uid).crashes == 0


def test_a_lost_wake_up_is_given_again(app: Flask) -> None:
    uid = start(app)
    assert sweep_at(app, timedelta(0)) == 0
    assert sweep_at(app, timedelta(minutes=1)) == 1
    assert look(app, uid).crashes == 0


def test_a_cancelled_run_stops_before_its_next_step(app: Flask) -> None:
    uid = start(app)
    claimed = claim(app, uid)
    assert claimed is not None
    with app.app_context(), db.transaction():
        job_runs.cancel(uid, now=utcnow())
    with app.app_context(), pytest.raises(job_runs.Lost), db.transaction():
        job_runs.advance(claimed, count(claimed), now=utcnow())
    assert look(app, uid).state == "cancelled"
    with app.app_context(), pytest.raises(Conflict), db.transaction():
        job_runs.cancel(uid, now=utcnow())


def test_a_slice_that_is_over_gives_the_run_back(app: Flask) -> None:
    uid = start(app)
    claimed = claim(app, uid)
    assert claimed is not None
    with app.app_context(), db.transaction():
        job_runs.give_back(claimed, now=utcnow())
    work(app, uid, count)
    assert look(app, uid).state == "done"


def test_the_run_of_a_revoked_token_goes_no_further(app: Flask) -> None:
    with app.app_context(), db.transaction():
        row, _ = tokens.create("t", ADMINISTRATOR, permissions=["mdm.*"], actor=ADMINISTRATOR)
        uid = job_runs.start("test.count", tokens.actor_of(row), title="Count").uid
        tokens.revoke(row.id, actor=ADMINISTRATOR)
    work(app, uid, count)
    run = look(app, uid)
    assert (run.state, run.done) == ("failed", 0)
    assert "token" in str(run.message)


def test_a_token_that_ends_under_way_stops_the_run(app: Flask) -> None:
    with app.app_context(), db.transaction():
        row, _ = tokens.create("t", ADMINISTRATOR, permissions=["mdm.*"], actor=ADMINISTRATOR)
        uid, token_id = job_runs.start("test.count", tokens.actor_of(row), title="C").uid, row.id

    def revoking(claimed: Claimed) -> Step:
        if claimed.done == 2:
            tokens.revoke(token_id, actor=ADMINISTRATOR)
        return count(claimed)

    work(app, uid, revoking)
    assert look(app, uid).state == "failed"


def test_the_actor_of_a_run_is_who_ordered_it(app: Flask) -> None:
    uid = start(app)
    claimed = claim(app, uid)
    assert claimed is not None and claimed.actor == ADMINISTRATOR


def test_an_unknown_run_is_nobodys(app: Flask) -> None:
    assert claim(app, "no-such-run") is None
