"""Jobs that take time: a row with progress and result, worked off step by step.

`start()` writes the row and defers the job `name` with the run's uid. The job (see jobs/runs.py)
takes the run with `claim()`, and commits each step's work together with `advance()`. A slice is
the only one that works on a run as long as it holds it; whoever has lost it fails in `advance()`,
and the step's work is rolled back. A worker that dies stops renewing `due_at`: the sweep puts the
run back into the queue, or ends it after three deaths at the same step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, cast

import sqlalchemy as sa

from zmdm_plugin.actors import SYSTEM, Actor
from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict, Denied, NotFound, Refused
from zmdm_plugin.models import ApiToken, JobRun
from zmdm_plugin.models.base import new_uid, utcnow
from zmdm_plugin.queues import defer
from zmdm_plugin.services import events, tokens
from zmdm_plugin.services.keyset import DEFAULT_LIMIT, Keyset, Page

LEASE = timedelta(seconds=120)
"""Longer than a slice (45 s) and than any step: a slow worker is not taken for a dead one."""
_WAKE_UP_LOST = timedelta(seconds=30)
_MOST_CRASHES = 3
_TITLE, _MESSAGE = 200, 500


class Lost(Conflict):
    """The run was cancelled, or given to another slice: this one's work does not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A run that this slice alone works on, as it was after the last step."""

    uid: str
    holder: str
    actor: Actor
    arguments: Mapping[str, Any]
    cursor: Mapping[str, Any] | None
    """None before the first step."""
    done: int
    total: int | None
    result: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one step came to; `done` is the sum so far. None leaves a value as it was."""

    done: int
    cursor: Mapping[str, Any] | None = None
    total: int | None = None
    message: str | None = None
    result: Mapping[str, Any] | None = None
    finished: bool = False


def start(
    name: str,
    actor: Actor,
    *,
    title: str,
    arguments: Mapping[str, Any] | None = None,
    total: int | None = None,
) -> JobRun:
    """A new run, deferred once the open transaction commits; its `uid` is the task's id."""
    if not title.strip():
        raise Refused("title", "say what is done")
    run = _new(name, actor, title, total, arguments)
    run.due_at = utcnow() + _WAKE_UP_LOST
    session().flush()
    _defer(name, run.uid)
    return run


def accompany(name: str, *, title: str, total: int, now: datetime) -> JobRun:
    """A run that merely shows how far other work is, whose place is kept elsewhere: no slice
    claims it, no sweep looks at it. Told by `show`."""
    run = _new(name, SYSTEM, title, total, None)
    run.state, run.started_at, run.beat_at = "running", now, now
    session().flush()
    return run


def show(uid: str, step: Step, *, now: datetime) -> None:
    """What `accompany` began has come so far; nothing changes once somebody has stopped it."""
    values = _values(step, now)
    if step.finished:
        values |= {"state": "done", "finished_at": now}
    _update([JobRun.uid == uid, JobRun.finished_at.is_(None)], values)


def claim(uid: str, *, now: datetime) -> Claimed | None:
    """Take the run for one slice; None if it is finished or another slice is at it.

    Denied when it may not go on, since the token that ordered it has ended meanwhile.
    """
    free = [JobRun.uid == uid, JobRun.finished_at.is_(None), JobRun.holder.is_(None)]
    values = {
        "holder": new_uid(),
        "state": "running",
        "beat_at": now,
        "due_at": now + LEASE,
        "started_at": sa.func.coalesce(JobRun.started_at, now),
    }
    if not _update(free, values):
        return None
    return _claimed(find(uid), now)


def advance(claimed: Claimed, step: Step, *, now: datetime) -> Claimed | None:
    """Write down a step in the transaction of its work; None when it was the last.

    Lost if the run was cancelled or given to another slice: the work is rolled back.
    """
    values = _values(step, now) | {"due_at": now + LEASE}
    if step.finished:
        values |= {"state": "done", "finished_at": now, "due_at": None, "holder": None}
        values["secret_arguments"] = None
    if not _update(_held(claimed), values):
        raise Lost("the run was cancelled, or is another worker's now")
    return None if step.finished else _claimed(find(claimed.uid), now)


def renew(claimed: Claimed, *, now: datetime) -> bool:
    """Keep the run through a step that takes long; False if it is no longer this slice's."""
    return _update(_held(claimed), {"beat_at": now, "due_at": now + LEASE})


def give_back(claimed: Claimed, *, now: datetime) -> None:
    """End a slice before the run is done, and defer the next one."""
    values = {"holder": None, "beat_at": now, "due_at": now + _WAKE_UP_LOST}
    if _update(_held(claimed), values):
        _defer(find(claimed.uid).name, claimed.uid)


def fail(uid: str, why: str, *, now: datetime, holder: str | None = None) -> bool:
    """End a run that cannot go on; False if it has ended, or is no longer `holder`'s."""
    conditions = [JobRun.uid == uid, JobRun.finished_at.is_(None)]
    if holder is not None:
        conditions.append(JobRun.holder == holder)
    if not _update(conditions, _ended("failed", why, now)):
        return False
    run = find(uid)
    events.record("job.failed", job=run.name, run=uid, title=run.title)
    return True


def cancel(uid: str, *, now: datetime) -> JobRun:
    """Stop a run: what it has done stays done. Conflict if it has ended."""
    run = find(uid)
    open_run = [JobRun.uid == uid, JobRun.finished_at.is_(None)]
    if not _update(open_run, _ended("cancelled", "stopped by an operator", now)):
        raise Conflict("it has ended already")
    session().refresh(run)
    return run


def find(uid: str) -> JobRun:
    """The run, freshly read; NotFound."""
    query = sa.select(JobRun).where(JobRun.uid == uid)
    run = session().scalar(query, execution_options={"populate_existing": True})
    if run is None:
        raise NotFound("there is no such task")
    return run


def page(
    equal: Mapping[str, Any], *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
) -> Page[JobRun]:
    """A page of the runs whose columns have these values, the newest first."""
    query = sa.select(JobRun).where(*(getattr(JobRun, name) == equal[name] for name in equal))
    return Keyset(JobRun.id, {}).entities(query, ordering="-id", cursor=cursor, limit=limit)


def belongs_to(run: JobRun, actor: Actor) -> bool:
    """Whether this actor ordered it, by themselves or by one of their tokens."""
    return run.owner_id == actor.person.id


def share(run: JobRun) -> int | None:
    """How much is done, in whole percent; None while nobody knows how much there is."""
    if run.state == "done":
        return 100
    if run.total is None:
        return None
    return min(100, run.done * 100 // run.total) if run.total else 0


def actor_of(run: JobRun, *, now: datetime) -> Actor:
    """Who acts in the run, with the permissions of now; Denied once their token has ended."""
    if run.actor_kind == "system":
        return SYSTEM
    if run.actor_kind != "token":
        kind = cast(Literal["user"], run.actor_kind)
        return Actor(id=run.actor_id, label=run.actor_label, kind=kind)
    token = session().get(ApiToken, int(run.actor_id.removeprefix("token:")))
    if token is None or not tokens.is_good(token, at=now):
        raise Denied("the token that ordered this has ended meanwhile")
    return tokens.actor_of(token)


def sweep(*, now: datetime) -> int:
    """Put runs whose worker died, or whose wake-up was lost, back into the queue; end hopeless
    ones. Returns how many it found."""
    late = session().execute(
        sa.select(JobRun.uid, JobRun.name, JobRun.holder, JobRun.crashes)
        .where(JobRun.finished_at.is_(None), JobRun.due_at <= now)
        .order_by(JobRun.id)
        .limit(500)
    )
    found = 0
    for uid, name, holder, crashes in late.all():
        found += 1
        if holder is not None and crashes + 1 >= _MOST_CRASHES:
            fail(uid, "its worker died three times at the same step", now=now, holder=holder)
            continue
        values: dict[str, Any] = {"due_at": now + _WAKE_UP_LOST}
        if holder is not None:
            values |= {"state": "queued", "holder": None, "crashes": crashes + 1}
            values |= {"message": "its worker died; it goes on where that one was"}
        unchanged = JobRun.holder == holder if holder else JobRun.holder.is_(None)
        if _update([JobRun.uid == uid, JobRun.due_at <= now, unchanged], values):
            _defer(name, uid)
    return found


def _values(step: Step, now: datetime) -> dict[str, Any]:
    values: dict[str, Any] = {"done": step.done, "beat_at": now, "crashes": 0}
    given = {"cursor": step.cursor, "total": step.total, "result": step.result}
    values |= {name: value for name, value in given.items() if value is not None}
    if step.message is not None:
        values["message"] = step.message[:_MESSAGE]
    return values


def _new(
    name: str,
    actor: Actor,
    title: str,
    total: int | None,
    arguments: Mapping[str, Any] | None,
) -> JobRun:
    run = JobRun(
        name=name,
        title=title[:_TITLE],
        state="queued",
        total=total,
        arguments=dict(arguments or {}),
        actor_id=actor.id[:128],
        actor_label=actor.label[:256],
        actor_kind=actor.kind,
        owner_id=actor.person.id[:128],
    )
    session().add(run)
    return run


def _claimed(run: JobRun, now: datetime) -> Claimed:
    assert run.holder is not None
    return Claimed(
        uid=run.uid,
        holder=run.holder,
        actor=actor_of(run, now=now),
        arguments=run.arguments,
        cursor=run.cursor,
        done=run.done,
        total=run.total,
        result=run.result,
    )


def _held(claimed: Claimed) -> list[sa.ColumnElement[bool]]:
    return [
        JobRun.uid == claimed.uid,
        JobRun.holder == claimed.holder,
        JobRun.finished_at.is_(None),
    ]


def _ended(state: str, why: str, now: datetime) -> dict[str, Any]:
    return {
        "state": state,
        "message": why[:_MESSAGE],
        "finished_at": now,
        "due_at": None,
        "holder": None,
        "secret_arguments": None,
    }


def _update(conditions: list[sa.ColumnElement[bool]], values: Mapping[str, Any]) -> bool:
    """One statement that changes the run only as long as the conditions hold."""
    changed = session().execute(
        sa.update(JobRun)
        .where(*conditions)
        .values({"updated_at": utcnow(), **values})
        .returning(JobRun.id),
        execution_options={"synchronize_session": False},
    )
    return changed.scalar() is not None


def _defer(name: str, uid: str) -> None:
    defer(name, uid, once=f"run:{uid}")
