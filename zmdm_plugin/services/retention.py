"""What is forgotten after a time: finished commands and runs, events, alerts, sessions, the audit.

A JobRun deletes the oldest first, in chunks, each a transaction of its own along an index; the
moments before which things go are frozen when it starts, so that a slice may be repeated. What is
outstanding is never touched, and each kind is kept for ever where its setting is 0. Events go by
their own kinds (`event_retention`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from zmdm_plugin.actors import SYSTEM
from zmdm_plugin.db import session
from zmdm_plugin.models import (
    Alert,
    AuditEntry,
    ChannelCommand,
    EnrollmentSession,
    JobRun,
    RawAnswer,
    SignIn,
    SignInAttempt,
)
from zmdm_plugin.services import audit, event_retention, job_runs
from zmdm_plugin.services.enrollment import abandoned
from zmdm_plugin.services.job_runs import Claimed, Step
from zmdm_plugin.state import state

JOB = "retention.run"
CHUNK = 1000
"""Rows of one transaction."""
LEAST = 35
"""Days: the planner and the warnings look back a month, and would repeat what they do not see."""
_AGAIN = timedelta(hours=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Rows that are forgotten: `at` says when they were over and begins an index."""

    model: Any
    at: InstrumentedAttribute[Any]
    setting: str = ""
    days: int = 0
    """Where it is nobody's choice."""
    only: Callable[[], sa.ColumnElement[bool]] = sa.true
    """Which of them at all."""
    before: Callable[[Sequence[int]], None] = lambda ids: None
    """What is to be done ahead of their end."""


KINDS: dict[str, Kind] = {
    "commands": Kind(
        model=ChannelCommand, at=ChannelCommand.finished_at, setting="keep_commands_days"
    ),
    "raw_answers": Kind(model=RawAnswer, at=RawAnswer.created_at, setting="keep_commands_days"),
    "runs": Kind(model=JobRun, at=JobRun.finished_at, setting="keep_runs_days"),
    "alerts": Kind(model=Alert, at=Alert.cleared_at, setting="keep_events_days"),
    "sessions": Kind(
        model=EnrollmentSession,
        at=EnrollmentSession.created_at,
        setting="keep_sessions_days",
        only=abandoned.condition,
        before=abandoned.let_go,
    ),
    "audit_entries": Kind(model=AuditEntry, at=AuditEntry.created_at, setting="keep_audit_days"),
    "sign_ins": Kind(model=SignIn, at=SignIn.expires_at, days=1),
    "sign_in_attempts": Kind(model=SignInAttempt, at=SignInAttempt.created_at, days=1),
}


def start_if_due(*, now: datetime) -> JobRun | None:
    """Begin to forget, unless nothing is old enough or it was done within the day."""
    latest = session().execute(
        sa.select(JobRun.created_at, JobRun.finished_at)
        .where(JobRun.name == JOB)
        .order_by(JobRun.id.desc())
        .limit(1)
    )
    for created_at, finished_at in latest:
        if finished_at is None or created_at > now - _AGAIN:
            return None
    until = _until(now)
    some = (oldest(name, moment).limit(1) for name, moment in until.items())
    if not any(session().scalar(query) for query in some):
        return None
    arguments = {"until": {name: moment.isoformat() for name, moment in until.items()}}
    return job_runs.start(JOB, SYSTEM, title="Forget what is old", arguments=arguments)


def step(claimed: Claimed) -> Step:
    """Delete one chunk of the kind whose turn it is."""
    until = {
        name: datetime.fromisoformat(moment) for name, moment in claimed.arguments["until"].items()
    }
    total = claimed.total if claimed.total is not None else _count(until)
    left = list(until)[int((claimed.cursor or {}).get("kinds_done", 0)) :]
    if not left:
        return _end(claimed)
    deleted = _delete(left[0], until[left[0]])
    result, counted = dict(claimed.result or {}), event_retention.counted_as(left[0])
    result[counted] = int(result.get(counted, 0)) + deleted
    kinds_done = len(until) - len(left) + int(deleted < CHUNK)
    done = claimed.done + deleted
    return Step(
        done=done,
        total=max(total, done),
        cursor={"kinds_done": kinds_done},
        message=f"{done:,} forgotten",
        result=result,
    )


def _until(now: datetime) -> dict[str, datetime]:
    """Kinds that are not kept for ever, and what of them is too old."""
    days = {name: _days(kind) for name, kind in KINDS.items()} | event_retention.days()
    return {
        name: (now - timedelta(days=number)).astimezone(UTC)
        for name, number in days.items()
        if number
    }


def _days(kind: Kind) -> int:
    """How long it is kept; 0: for ever."""
    if kind.days:
        return kind.days
    number = int(getattr(state().settings, kind.setting))
    return number and max(number, LEAST)


def oldest(name: str, until: datetime) -> sa.Select[Any]:
    """Ids of what is too old, in the order of the index."""
    kind = KINDS.get(name)
    if kind is None:
        return event_retention.oldest(name, until, limit=CHUNK)
    return sa.select(kind.model.id).where(_old(kind, until)).order_by(kind.at).limit(CHUNK)


def _old(kind: Kind, until: datetime) -> sa.ColumnElement[bool]:
    # Not NULL is said as well: a database uses a partial index only if it sees its condition.
    return sa.and_(kind.at.is_not(None), kind.at < until, kind.only())


def _count(until: Mapping[str, datetime]) -> int:
    """How much there is to do, for the bar."""
    counts = (
        sa.select(sa.func.count()).select_from(KINDS[name].model).where(_old(KINDS[name], moment))
        if name in KINDS
        else event_retention.count(name, moment)
        for name, moment in until.items()
    )
    return sum(session().scalar(query) or 0 for query in counts)


def _delete(name: str, until: datetime) -> int:
    kind = KINDS.get(name)
    model = kind.model if kind is not None else event_retention.MODEL
    ids = list(session().scalars(oldest(name, until)))
    if ids:
        if kind is not None:
            kind.before(ids)
        gone = sa.delete(model).where(model.id.in_(ids))
        session().execute(gone, execution_options={"synchronize_session": False})
    return len(ids)


def _end(claimed: Claimed) -> Step:
    """What an audit loses is an entry of the audit."""
    forgotten = dict(claimed.result or {})
    if number := forgotten.get("audit_entries"):
        until = claimed.arguments["until"]["audit_entries"]
        audit.record(SYSTEM, "audit.forget", reason=f"{number} entries from before {until}")
    return Step(done=claimed.done, total=claimed.done, finished=True)
