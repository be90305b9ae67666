"""Flushing against a played APNs over TLS and HTTP/2: who is pushed, and what is stored of it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.pushing import DAY, LEASE, Pushing, take, token_of
from zmdm_plugin import db
from zmdm_plugin.models import Channel
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import push, wake

MINUTE = timedelta(minutes=1)


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def is_due(pushing: Pushing, *, later: timedelta = timedelta(0)) -> bool:
    with pushing.app.app_context():
        return push.is_due(now=utcnow() + later)


def test_what_is_due_is_pushed_and_its_outcome_stored(pushing: Pushing) -> None:
    [one, two] = pushing.due(2)
    pushing.flush()
    assert sorted(pushing.pushed()) == [1, 2]
    row = pushing.row(one)
    assert (row.push_status, row.push_reason, row.push_due_at) == (200, None, None)
    assert row.pushed_at is not None and row.push_answered_at is not None
    assert row.push_leased_until is None and pushing.row(two).push_due_at is None
    assert not is_due(pushing)


def test_a_push_waits_seven_days_for_an_offline_device(pushing: Pushing) -> None:
    pushing.due()
    pushing.flush()
    [taken] = pushing.apple.pushes()
    assert taken.accepted.expiration == pytest.approx(time.time() + 7 * 86400, abs=60)
    assert (taken.accepted.magic, taken.accepted.priority) == ("magic-1", 10)


@pytest.mark.parametrize(
    "columns",
    [
        {"push_token": None, "push_magic": None},
        {"ended_at": datetime(2026, 1, 1, tzinfo=UTC)},
        {"push_dead_at": datetime(2026, 1, 1, tzinfo=UTC)},
        {"push_due_at": datetime(2099, 1, 1, tzinfo=UTC)},
    ],
    ids=["before a TokenUpdate", "after CheckOut", "token dead", "not yet"],
)
def test_nobody_else_is_pushed(pushing: Pushing, columns: dict[str, object]) -> None:
    pushing.due(**columns)
    assert not is_due(pushing)
    pushing.flush()
    assert pushing.pushed() == []


def test_many_wakes_become_one_push(pushing: Pushing) -> None:
    [one] = pushing.channels()
    for _ in range(5):
        with pushing.transaction():
            wake.channel(db.session().get_one(Channel, one))
    pushing.flush()
    assert pushing.pushed() == [1]


def test_a_wake_ordered_while_the_push_is_on_its_way_is_pushed_too(pushing: Pushing) -> None:
    [one] = pushing.due()
    claimed = pushing.claim()
    assert claimed is not None
    answered = pushing.send(claimed)
    with pushing.transaction():
        wake.channel(db.session().get_one(Channel, one))
    pushing.store(claimed, answered)
    pushing.flush()
    assert pushing.pushed() == [1, 1]
    assert pushing.row(one).push_due_at is None


def test_what_one_worker_has_claimed_no_other_one_sends(pushing: Pushing) -> None:
    pushing.due()
    assert pushing.claim() is not None
    assert pushing.claim() is None
    assert not is_due(pushing)


def test_the_claim_of_a_dead_worker_ends(pushing: Pushing) -> None:
    [one] = pushing.due()
    pushing.claim()
    assert is_due(pushing, later=LEASE + MINUTE)
    assert len(pushing.round(later=LEASE + MINUTE)) == 1
    assert pushing.row(one).push_due_at is None


def test_410_kills_the_token(pushing: Pushing) -> None:
    [one] = pushing.due()
    pushing.answers({"reason": "Unregistered", "timestamp": milliseconds(utcnow() + MINUTE)})
    pushing.flush()
    row = pushing.row(one)
    assert row.push_dead_at is not None and row.push_due_at is None
    assert (row.push_status, row.push_reason) == (410, "Unregistered")
    assert "push.token_dead" in pushing.events()
    assert not is_due(pushing, later=10 * DAY)


def test_410_of_a_time_before_the_token_does_not_kill_it(pushing: Pushing) -> None:
    [one] = pushing.due()
    pushing.answers({"reason": "Unregistered", "timestamp": milliseconds(utcnow() - DAY)})
    pushing.flush()
    row = pushing.row(one)
    assert row.push_dead_at is None and row.push_attempts == 1
    assert len(pushing.round(later=MINUTE)) == 1
    assert pushing.row(one).push_status == 200


@pytest.mark.parametrize("reason", ["Unregistered", "BadDeviceToken"])
def test_a_token_that_comes_while_the_old_one_is_refused_lives(
    pushing: Pushing, reason: str
) -> None:
    [one] = pushing.due()
    pushing.answers({"reason": reason})
    claimed = pushing.claim()
    assert claimed is not None
    answered = pushing.send(claimed)
    pushing.change(one, push_token=token_of(77), push_due_at=utcnow())
    pushing.store(claimed, answered)
    pushing.flush()
    assert pushing.pushed() == [77]
    assert pushing.row(one).push_dead_at is None


@pytest.mark.parametrize("reason", ["BadDeviceToken", "DeviceTokenNotForTopic"])
def test_a_refused_token_is_tried_daily(pushing: Pushing, reason: str) -> None:
    [one] = pushing.due()
    pushing.answers(reason, reason)
    pushing.flush()
    row = pushing.row(one)
    assert row.push_suspended_certificate_id == pushing.certificate_id
    assert row.push_reason == reason and row.push_dead_at is None
    assert not is_due(pushing) and pushing.round(later=DAY - MINUTE, bulk=True) == []
    assert len(pushing.round(later=DAY + MINUTE, bulk=True)) == 1
    assert len(pushing.round(later=2 * DAY + 2 * MINUTE, bulk=True)) == 1
    row = pushing.row(one)
    assert (row.push_status, row.push_suspended_certificate_id) == (200, None)
    assert pushing.events().count("push.token_refused") == 1


def test_an_order_does_not_hurry_a_refused_token(pushing: Pushing) -> None:
    [one] = pushing.due()
    pushing.answers("BadDeviceToken")
    pushing.flush()
    with pushing.transaction():
        wake.channel(db.session().get_one(Channel, one))
    pushing.flush()
    assert pushing.pushed() == [] and not is_due(pushing)


def test_a_renewed_certificate_gives_refused_tokens_a_try(pushing: Pushing) -> None:
    pushing.due(3)
    pushing.apple.faults(every=[{"reason": "DeviceTokenNotForTopic", "times": 3}])
    pushing.flush()
    assert pushing.pushed() == [] and not is_due(pushing)
    with pushing.transaction():
        take(pushing.apple.material)
    pushing.flush()
    assert sorted(pushing.pushed()) == [1, 2, 3]


@pytest.mark.parametrize(
    "reason", ["TooManyRequests", "IdleTimeout", "PayloadTooLarge", "BadPriority"]
)
def test_others_are_tried_again_after_a_growing_wait(pushing: Pushing, reason: str) -> None:
    [one] = pushing.due()
    pushing.answers({"reason": reason, "times": 6})
    waits = []
    later = timedelta(0)
    for _ in range(2):
        pushing.round(later=later)
        row = pushing.row(one)
        assert row.push_due_at is not None and row.push_reason == reason
        assert not is_due(pushing, later=later)
        waits.append(row.push_due_at - (utcnow() + later))
        later = row.push_due_at - utcnow() + MINUTE / 60
    assert timedelta(seconds=10) < waits[0] <= timedelta(seconds=30) < waits[1]
    assert pushing.row(one).push_attempts == 2


def test_one_bad_token_spoils_no_other_push(pushing: Pushing) -> None:
    ids = pushing.due(300)
    pushing.answers("BadDeviceToken", number=150)
    pushing.flush()
    assert len(pushing.pushed()) == 299
    assert pushing.row(ids[149]).push_reason == "BadDeviceToken"
    assert pushing.row(ids[150]).push_status == 200


def test_orders_for_one_device_pass_a_bulk(pushing: Pushing) -> None:
    pushing.due(5, push_bulk=True, push_due_at=utcnow() - DAY)
    pushing.due(2)
    pushing.flush()
    assert sorted(pushing.pushed()[:2]) == [6, 7]
    assert len(pushing.pushed()) == 7


@pytest.mark.settings(ZMDM_PUSH_RATE=100)
def test_a_bulk_keeps_its_rate_also_over_many_flushes(pushing: Pushing) -> None:
    pushing.due(180, push_bulk=True)
    begun = time.monotonic()
    pushing.flush()
    pushing.due(60, push_bulk=True)
    pushing.flush()
    assert len(pushing.pushed()) == 240
    assert 1.2 < time.monotonic() - begun < 20


@pytest.mark.settings(ZMDM_PUSH_RATE=20)
def test_an_order_does_not_wait_for_a_bulk(pushing: Pushing) -> None:
    pushing.due(40, push_bulk=True)
    pushing.due(1)
    pushing.flush()
    assert pushing.pushed()[0] == 41
