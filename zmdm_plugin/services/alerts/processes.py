"""Workers and scheduler that show no sign of life, and what waits for them too long.

A dead one cannot tell of itself by a job: `silent()` is cheap enough to be asked by each screen and
by /readyz, and `flask zmdm alerts check` needs neither.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import Heartbeat, JobRun
from zmdm_plugin.services import push
from zmdm_plugin.services.alerts.condition import Condition, Severity
from zmdm_plugin.services.webhooks import outbox
from zmdm_plugin.state import state

KINDS = frozenset(
    {"scheduler.silent", "worker.silent", "jobs.waiting", "pushes.waiting", "webhooks.waiting"}
)


@dataclass(frozen=True, slots=True)
class Process:
    """One that has to live: its row among the heartbeats, and for people which one of its kind."""

    beat: str
    kind: str
    name: str


PROCESSES = (
    Process("scheduler", "scheduler.silent", ""),
    Process("worker:push", "worker.silent", "pushes"),
    Process("worker:default", "worker.silent", "other jobs"),
)


def look(*, now: datetime, since: datetime | None = None) -> Iterator[Condition]:
    """`since`: when whoever looks began to ask the workers for signs; none is missed before."""
    yield from silent(beats(), now=now, since=since)
    yield from _queues(now=now)


def beats() -> Mapping[str, datetime]:
    """Last signs of life: a row for each process."""
    rows = session().execute(sa.select(Heartbeat.name, Heartbeat.seen_at))
    return {name: seen_at for name, seen_at in rows}


def silent(
    seen: Mapping[str, datetime], *, now: datetime, since: datetime | None = None
) -> Iterator[Condition]:
    """Which of them count as dead."""
    limit = timedelta(seconds=state().settings.alert_silence)
    for one in PROCESSES:
        last = seen.get(one.beat)
        counted = max((moment for moment in (last, since) if moment is not None), default=None)
        if counted is not None and now - counted <= limit:
            continue
        at = None if last is None else last.astimezone(UTC).isoformat()
        yield Condition(
            kind=one.kind,
            subject=one.beat,
            name=one.name,
            severity=Severity.CRITICAL,
            facts={"seen": at},
        )


def _queues(*, now: datetime) -> Iterator[Condition]:
    minutes = state().settings.alert_queue_minutes
    then = now - timedelta(minutes=minutes)
    waiting = {
        "jobs.waiting": _work_waited(then),
        "pushes.waiting": push.is_due(now=then),
        "webhooks.waiting": outbox.is_due(now=then),
    }
    for kind, waits in waiting.items():
        if waits:
            yield Condition(kind=kind, facts={"minutes": minutes})


def _work_waited(then: datetime) -> bool:
    """Whether a run has been free since then and nobody has taken it up.

    Its `due_at` does not tell: the sweep puts that off whenever it wakes a worker for it.
    """
    waits = sa.select(JobRun.id).where(
        JobRun.finished_at.is_(None),
        JobRun.due_at.is_not(None),
        JobRun.holder.is_(None),
        sa.func.coalesce(JobRun.beat_at, JobRun.created_at) <= then,
    )
    return session().scalar(waits.limit(1)) is not None
