"""Sweeps: what has come due without an event becomes a wake, once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.pushing import DAY, Pushing
from zmdm_plugin import db
from zmdm_plugin.jobs import fleet
from zmdm_plugin.models import ChannelCommand
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import sweep

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
SOON = (MINUTE / 4, MINUTE, 10 * MINUTE, 5 * HOUR)
Given = Callable[[datetime], dict[str, object]]


def find(pushing: Pushing, *, later: timedelta = timedelta(0)) -> dict[str, int]:
    with pushing.transaction():
        return sweep.run(now=utcnow() + later)


def wakes(pushing: Pushing, *, later: timedelta = timedelta(0)) -> int:
    """How many wakes a sweep at that time orders; they are pushed at once."""
    found = find(pushing, later=later)
    pushing.round(later=later, bulk=True)
    return found["deadlines"] + found["commands"]


def test_a_passed_deadline_of_the_planner_wakes_once(pushing: Pushing) -> None:
    [one] = pushing.channels(plan_due_at=utcnow() - MINUTE)
    assert wakes(pushing) == 1
    assert pushing.pushed() == [1] and pushing.row(one).push_bulk is True
    assert [wakes(pushing, later=later) for later in SOON] == [0, 0, 0, 0]
    assert wakes(pushing, later=DAY + MINUTE) == 1


def test_a_deadline_that_lies_ahead_wakes_nobody(pushing: Pushing) -> None:
    pushing.channels(plan_due_at=utcnow() + MINUTE)
    assert wakes(pushing) == 0
    assert wakes(pushing, later=2 * MINUTE) == 1


@pytest.mark.parametrize(
    "given",
    [
        lambda now: {"not_before": now - MINUTE},
        lambda now: {"created_at": now - MINUTE},
        lambda now: {"state": "delivered", "delivered_at": now - 16 * MINUTE},
        lambda now: {"state": "not_now", "created_at": now - 3 * DAY, "delivered_at": now - DAY},
    ],
    ids=["its time has come", "its push was lost", "its answer is overdue", "it waits for days"],
)
def test_a_command_that_waits_wakes_once(pushing: Pushing, given: Given) -> None:
    now = utcnow()
    [one] = pushing.channels(pushed_at=now - DAY - MINUTE if "state" in given(now) else now - HOUR)
    pushing.order(one, **{"created_at": now - 2 * HOUR, **given(now)})  # type: ignore[arg-type]
    assert wakes(pushing) == 1
    assert [wakes(pushing, later=later) for later in SOON] == [0, 0, 0, 0]
    assert wakes(pushing, later=DAY + MINUTE) == 1


@pytest.mark.parametrize(
    "given",
    [
        lambda now: {"not_before": now + MINUTE},
        lambda now: {"expires_at": now - MINUTE, "created_at": now - MINUTE},
        lambda now: {"state": "acknowledged", "finished_at": now},
        lambda now: {"state": "delivered", "delivered_at": now - 5 * MINUTE},
        lambda now: {"created_at": now},
    ],
    ids=["too early", "expired", "finished", "answer may still come", "in conversation"],
)
def test_a_command_that_wants_nothing_wakes_nobody(pushing: Pushing, given: Given) -> None:
    now = utcnow()
    [one] = pushing.channels(pushed_at=now - HOUR)
    pushing.order(one, **{"created_at": now - 2 * HOUR, **given(now)})  # type: ignore[arg-type]
    assert wakes(pushing) == 0


def test_an_answer_that_stays_away_is_asked_for_daily(pushing: Pushing) -> None:
    now = utcnow()
    [one] = pushing.channels(pushed_at=now - HOUR)
    delivered = {"state": "delivered", "delivered_at": now - HOUR}
    pushing.order(one, created_at=now - HOUR, **delivered)
    assert [wakes(pushing, later=n * 4 * HOUR) for n in range(12)].count(1) == 2


@pytest.mark.parametrize("column", ["ended_at", "push_dead_at"])
def test_who_cannot_be_woken_is_left_alone(pushing: Pushing, column: str) -> None:
    now = utcnow()
    [one] = pushing.channels(plan_due_at=now - MINUTE, **{column: now - MINUTE})
    pushing.order(one, created_at=now - HOUR)
    assert wakes(pushing) == 0


def test_a_refused_token_is_not_marked_over_and_over(pushing: Pushing) -> None:
    pushing.due(plan_due_at=utcnow() - MINUTE)
    pushing.answers({"reason": "BadDeviceToken", "times": 9})
    pushing.flush()
    assert [find(pushing)[name] for name in ("deadlines", "commands", "pushes")] == [0, 0, 0]


def test_an_order_whose_time_has_passed_expires(pushing: Pushing) -> None:
    now = utcnow()
    [one] = pushing.channels()
    waiting = pushing.order(one, created_at=now - HOUR, expires_at=now - MINUTE)
    out = pushing.order(
        one, created_at=now - HOUR, expires_at=now - MINUTE, state="delivered", delivered_at=now
    )
    assert find(pushing)["expired"] == 1
    with pushing.app.app_context():
        found = sa.select(ChannelCommand.id, ChannelCommand.state)
        states = {row.id: row.state for row in db.session().execute(found)}
    assert states == {waiting: "expired", out: "delivered"}


def test_what_is_still_due_is_deferred_again(
    pushing: Pushing, run_jobs: Callable[[Flask], int]
) -> None:
    run_jobs(pushing.app)
    pushing.due()
    with pushing.app.app_context():
        fleet.sweep()
    assert run_jobs(pushing.app) == 1
    assert pushing.pushed() == [1]


def test_a_sweep_with_nothing_to_do_defers_nothing(
    pushing: Pushing, run_jobs: Callable[[Flask], int]
) -> None:
    run_jobs(pushing.app)
    pushing.channels()
    with pushing.app.app_context():
        fleet.sweep()
    assert run_jobs(pushing.app) == 0


def test_more_than_a_chunk_is_found_by_one_sweep(pushing: Pushing) -> None:
    pushing.channels(sweep.CHUNK + 5, plan_due_at=utcnow() - MINUTE)
    with pushing.app.app_context():
        fleet.sweep()
    assert find(pushing)["deadlines"] == 0
