"""Orders to wake: for one channel, and for a fleet in chunks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.pushing import DAY, Pushing
from zmdm_plugin import db
from zmdm_plugin.models import Channel
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import wake


def mark(pushing: Pushing) -> bool:
    """One chunk of the running fan-out."""
    with pushing.transaction():
        return wake.fan_out(now=utcnow())


def mark_all(pushing: Pushing) -> None:
    while mark(pushing):
        pass


def order_fleet(pushing: Pushing) -> int:
    with pushing.transaction():
        return wake.fleet()


def marked(pushing: Pushing) -> int:
    with pushing.app.app_context():
        due = sa.select(sa.func.count()).where(Channel.push_due_at.is_not(None))
        return db.session().scalar(due) or 0


def wake_one(pushing: Pushing, channel_id: int, *, bulk: bool = False) -> None:
    with pushing.transaction():
        wake.channel(db.session().get_one(Channel, channel_id), bulk=bulk)


def test_a_channel_without_a_token_is_not_marked(pushing: Pushing) -> None:
    [one] = pushing.channels(push_token=None)
    wake_one(pushing, one)
    assert pushing.row(one).push_due_at is None


def test_an_ended_channel_is_not_marked(pushing: Pushing) -> None:
    [one] = pushing.channels(ended_at=utcnow())
    wake_one(pushing, one)
    assert pushing.row(one).push_due_at is None


def test_an_order_lifts_a_channel_out_of_a_bulk(pushing: Pushing) -> None:
    [one] = pushing.due(push_bulk=True)
    wake_one(pushing, one)
    assert pushing.row(one).push_bulk is False


def test_a_bulk_does_not_hold_back_an_order(pushing: Pushing) -> None:
    [one] = pushing.due(push_bulk=False)
    wake_one(pushing, one, bulk=True)
    assert pushing.row(one).push_bulk is False


def test_an_order_comes_before_the_end_of_a_wait_and_keeps_its_count(pushing: Pushing) -> None:
    [one] = pushing.due(push_due_at=utcnow() + DAY, push_attempts=7)
    wake_one(pushing, one)
    row = pushing.row(one)
    assert row.push_due_at is not None and row.push_due_at <= utcnow()
    assert row.push_attempts == 7


def test_an_order_and_its_rollback_leave_nothing(pushing: Pushing) -> None:
    [one] = pushing.channels()
    with pytest.raises(LookupError), pushing.transaction():
        wake.channel(db.session().get_one(Channel, one))
        db.session().flush()
        raise LookupError
    assert pushing.row(one).push_due_at is None


def test_a_fleet_is_marked_in_chunks_as_a_bulk(pushing: Pushing) -> None:
    ids = pushing.channels(wake.CHUNK + 10)
    revision = order_fleet(pushing)
    assert marked(pushing) == 0
    assert mark(pushing)
    assert marked(pushing) == wake.CHUNK
    mark_all(pushing)
    assert marked(pushing) == len(ids)
    assert pushing.row(ids[0]).push_bulk is True
    assert revision == 1 and not mark(pushing)


def test_a_fleet_leaves_out_who_cannot_be_woken(pushing: Pushing) -> None:
    pushing.channels(2, push_token=None)
    pushing.channels(2, ended_at=utcnow())
    pushing.channels(2, push_dead_at=utcnow())
    pushing.channels(1)
    order_fleet(pushing)
    mark_all(pushing)
    assert marked(pushing) == 1


def test_a_second_order_for_the_fleet_begins_anew(pushing: Pushing) -> None:
    pushing.channels(3)
    order_fleet(pushing)
    mark(pushing)
    pushing.flush()
    order_fleet(pushing)
    mark_all(pushing)
    pushing.flush()
    assert len(pushing.pushed()) == 6


def test_a_fan_out_that_was_killed_is_noticed(pushing: Pushing) -> None:
    pushing.channels(3)
    order_fleet(pushing)
    mark(pushing)
    with pushing.app.app_context():
        assert wake.is_fanning_out()
    mark_all(pushing)
    with pushing.app.app_context():
        assert not wake.is_fanning_out()


def test_a_fleet_order_during_a_push_wakes_once_more(pushing: Pushing) -> None:
    [one] = pushing.due(push_bulk=True)
    claimed = pushing.claim(bulk=True)
    assert claimed is not None
    answered = pushing.send(claimed)
    order_fleet(pushing)
    mark_all(pushing)
    pushing.store(claimed, answered)
    assert pushing.row(one).push_due_at is not None
    pushing.flush()
    assert pushing.pushed() == [1, 1]


def test_rows_that_were_locked_are_marked_in_the_end(
    pushing: Pushing, make_app: Callable[..., Flask]
) -> None:
    [one, two] = pushing.channels(2)
    order_fleet(pushing)
    with pushing.app.app_context():
        if not db.is_postgresql():
            return mark_all(pushing)
        other = db.engine().connect()
        other.execute(sa.select(Channel.id).where(Channel.id == one).with_for_update())
        # In the other connection's transaction: this one must pass over the row.
        with db.transaction():
            assert wake.fan_out(now=utcnow())
        other.close()
    assert pushing.row(one).push_due_at is None and pushing.row(two).push_due_at is not None
    mark_all(pushing)
    assert pushing.row(one).push_due_at is not None
    return None


def test_a_pushed_channel_is_not_taken_for_one_that_was_missed(pushing: Pushing) -> None:
    pushing.channels(2)
    order_fleet(pushing)
    mark(pushing)
    pushing.flush()
    mark_all(pushing)
    assert marked(pushing) == 0 and len(pushing.pushed()) == 2


def test_marking_is_stable_when_the_order_lies_in_the_future(pushing: Pushing) -> None:
    later = utcnow() + timedelta(minutes=5)
    [one] = pushing.due(push_due_at=later, push_attempts=2)
    order_fleet(pushing)
    mark_all(pushing)
    assert pushing.row(one).push_due_at == later
