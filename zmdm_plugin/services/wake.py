"""Waking devices: a due date on the channel, which the push jobs work off.

A whole fleet is never marked in one statement: a revision is committed, a job marks the channels
in id order, in chunks, passing over rows that are locked at that moment, and comes back for those.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from zmdm_plugin.db import insert, session
from zmdm_plugin.models import Channel, ChannelCommand, Device, Revision
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.models.blueprints import blueprint_of, revision_name
from zmdm_plugin.queues import defer

CHUNK = 500
FLEET = "fleet"
_UNANSWERED = timedelta(minutes=15)
"""A command given out so long ago was lost: nobody says Idle while at work."""
_AGAIN = timedelta(days=1)
"""A device with something to fetch is woken this often, however long it stays away."""
_IN_CONVERSATION = timedelta(seconds=30)
"""What was ordered or given out a moment ago is being conversed about and needs no wake."""

_C = Channel
_WAKEABLE = (_C.ended_at.is_(None), _C.push_token.is_not(None), _C.push_dead_at.is_(None))


def channel(target: Channel, *, bulk: bool = False) -> None:
    """Wake this channel once the transaction has committed; several wakes become one push.

    An order for one device passes the bulk that it was part of; a bulk does not hold back an order.
    """
    if target.push_token is None or target.ended_at is not None:
        return
    ordered = target.push_due_at is not None and not target.push_bulk
    target.push_due_at = utcnow()
    target.push_bulk = bulk and not ordered
    defer("push.flush", once="push.flush")


def fleet() -> int:
    """Say that something all planners look at has changed; every channel is woken for it."""
    return revise(FLEET)


def blueprint(blueprint_id: int) -> int:
    """The same for the devices of one blueprint."""
    return revise(revision_name(blueprint_id))


def revise(name: str) -> int:
    """Count a revision up; polls compare it, and a job wakes whom it touches."""
    value = _count_up(name)
    if value is None:
        session().execute(
            insert(Revision)
            .values(name=name, value=0, marked=0, cursor=0)
            .on_conflict_do_nothing(index_elements=[Revision.name])
        )
        value = _count_up(name) or 0
    defer("wake.fan_out", once="wake.fan_out")
    return value


def _count_up(name: str) -> int | None:
    return session().scalar(
        sa.update(Revision)
        .where(Revision.name == name)
        .values(value=Revision.value + 1, changed_at=utcnow(), cursor=0)
        .returning(Revision.value),
        execution_options={"synchronize_session": False},
    )


def fan_out(*, now: datetime) -> bool:
    """Mark one chunk of those that a revision touches; True while there is more to mark."""
    row = session().scalar(
        sa.select(Revision)
        .where(Revision.marked < Revision.value)
        .order_by(Revision.name)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if row is None:
        return False
    touched = _touched(row)
    ids = (
        session()
        .scalars(sa.select(_C.id).where(_C.id > row.cursor, *touched).order_by(_C.id).limit(CHUNK))
        .all()
    )
    if ids:
        _mark(sa.and_(_C.id.between(ids[0], ids[-1]), *touched), now=now, wait=False)
        row.cursor = ids[-1]
        return True
    if _mark(sa.and_(_missed(row), *touched), now=now, wait=True):
        return True
    row.marked = row.value
    session().flush()
    return is_fanning_out()


def _touched(row: Revision) -> tuple[sa.ColumnElement[bool], ...]:
    """Whose revision it is: everybody's, or that of the devices of one blueprint."""
    if row.name == FLEET:
        return ()
    devices = sa.select(Device.id).where(Device.blueprint_id == blueprint_of(row.name))
    return (_C.device_id.in_(devices),)


def _missed(row: Revision) -> sa.ColumnElement[bool]:
    """Channels that were locked as their chunk was marked, and have not been planned since."""
    since = row.changed_at or utcnow()
    planned = _C.planned_revision if row.name == FLEET else _C.planned_blueprint_revision
    return sa.and_(
        planned < row.value,
        _C.push_due_at.is_(None),
        sa.or_(_C.pushed_at.is_(None), _C.pushed_at < since),
    )


def _mark(which: sa.ColumnElement[bool], *, now: datetime, wait: bool) -> int:
    chosen = (
        sa.select(_C.id)
        .where(which, *_WAKEABLE)
        .order_by(_C.id)
        .limit(CHUNK)
        .with_for_update(of=_C, skip_locked=not wait, key_share=True)
    )
    return _due(chosen, now=now)


def _due(chosen: sa.Select[int], *, now: datetime) -> int:
    """Order a wake; what is being pushed at this moment may have been fetched, so it is new."""
    on_its_way = _C.push_leased_until > now
    marked = session().scalars(
        sa.update(_C)
        .where(_C.id.in_(sa.select(chosen.cte("chosen").c.id)))
        .values(
            push_due_at=sa.case((on_its_way, now), else_=sa.func.coalesce(_C.push_due_at, now)),
            push_bulk=sa.case((_C.push_due_at.is_(None), sa.true()), else_=_C.push_bulk),
        )
        .returning(_C.id),
        execution_options={"synchronize_session": False},
    )
    return len(marked.all())  # sqlite3 counts no rows of a statement that begins with WITH


def plan_due(which: sa.ColumnElement[bool], *, now: datetime) -> int:
    """Have open channels planned anew, and wake those that can be; the caller bounds how many."""
    held = session().scalars(
        sa.select(_C.id)
        .where(which, _C.ended_at.is_(None))
        .order_by(_C.id)
        .with_for_update(of=_C, key_share=True)
    )
    ids = held.all()
    session().execute(
        sa.update(_C).where(_C.id.in_(ids)).values(plan_due_at=now),
        execution_options={"synchronize_session": False},
    )
    _due(sa.select(_C.id).where(_C.id.in_(ids), *_WAKEABLE), now=now)
    defer("push.flush", once="push.flush")
    return len(ids)


def passed_deadlines(*, now: datetime, limit: int = CHUNK) -> int:
    """Turn passed `plan_due_at`s into wakes; a channel already woken for one is left alone."""
    chosen = (
        sa.select(_C.id)
        .where(
            _C.plan_due_at <= now,
            *_WAKEABLE,
            _C.push_due_at.is_(None),
            sa.or_(
                _C.pushed_at.is_(None),
                _C.pushed_at < _C.plan_due_at,
                _C.pushed_at < now - _AGAIN,
            ),
        )
        .order_by(_C.id)
        .limit(limit)
        .with_for_update(of=_C, skip_locked=True, key_share=True)
    )
    return _due(chosen, now=now)


def waiting_commands(*, now: datetime, limit: int = CHUNK) -> int:
    """Wake for commands whose time has come, whose answer is overdue, or that wait for days.

    Each of these is true until the push and not after it, so that a sweep wakes once for it.
    """
    command = ChannelCommand
    since_push = sa.func.coalesce(_C.pushed_at, _C.created_at)
    waits = (
        sa.exists()
        .where(
            command.channel_id == _C.id,
            command.finished_at.is_(None),
            sa.or_(command.not_before.is_(None), command.not_before <= now),
            sa.or_(command.expires_at.is_(None), command.expires_at > now),
            sa.or_(
                command.not_before > since_push,
                command.created_at > since_push,
                sa.and_(
                    command.state == "delivered",
                    command.delivered_at < now - _UNANSWERED,
                    command.delivered_at >= since_push,
                ),
                since_push < now - _AGAIN,
            ),
            sa.func.coalesce(command.delivered_at, command.created_at) < now - _IN_CONVERSATION,
        )
        .correlate(_C)
    )
    chosen = (
        sa.select(_C.id)
        .where(*_WAKEABLE, _C.push_due_at.is_(None), waits)
        .order_by(_C.id)
        .limit(limit)
        .with_for_update(of=_C, skip_locked=True, key_share=True)
    )
    return _due(chosen, now=now)


def is_fanning_out() -> bool:
    """Whether a fan-out has stopped half way (its worker was killed)."""
    found = session().scalar(
        sa.select(Revision.name).where(Revision.marked < Revision.value).limit(1)
    )
    return found is not None
