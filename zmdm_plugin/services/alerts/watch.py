"""Comparing what is wrong with the alerts that are open: they are opened, get worse, are cleared.

One transaction does it all, notices included, so that a kill leaves nothing half told. It begins
by writing the row that says when we last looked, which makes any other watcher wait: both would
find the same, and the second finds it told already.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.db import insert, session
from zmdm_plugin.models import Alert, Heartbeat
from zmdm_plugin.services.alerts import apple, credentials, fleet, notices, outward, processes
from zmdm_plugin.services.alerts.condition import Condition, Severity

BEAT = "alerts"
"""The heartbeat of whoever watches; also what watchers wait for each other with."""
IN_DATABASE = credentials.KINDS | apple.KINDS | processes.KINDS | fleet.KINDS | outward.KINDS


@dataclass(slots=True)
class Changes:
    """How many alerts went which way."""

    opened: int = 0
    worse: int = 0
    again: int = 0
    cleared: int = 0
    open: int = 0
    """How many are, after it."""

    def __iadd__(self, later: Changes) -> Changes:
        for name in ("opened", "worse", "again", "cleared"):
            setattr(self, name, getattr(self, name) + getattr(later, name))
        self.open = later.open
        return self


def look(*, now: datetime, since: datetime | None = None) -> Changes:
    """Look at everything that the database knows; `since` as in `processes.look`."""
    _take_turns(now)
    known = _open()
    found = [
        *credentials.look(now=now),
        *apple.look(now=now),
        *fleet.look(now=now, known=known),
        *outward.look(now=now),
        *processes.look(now=now, since=since),  # last: it tells the database how to plan
    ]
    return _compare(found, IN_DATABASE, known, now=now)


def note(found: Iterable[Condition], judged: Collection[str], *, now: datetime) -> Changes:
    """The same for conditions found elsewhere; only alerts of the kinds `judged` are cleared."""
    _take_turns(now)
    return _compare(found, judged, _open(), now=now)


def _take_turns(now: datetime) -> None:
    written = insert(Heartbeat).values(name=BEAT, kind=BEAT, seen_at=now)
    session().execute(written.on_conflict_do_update(index_elements=["name"], set_={"seen_at": now}))


def _open() -> dict[tuple[str, str], Alert]:
    rows = session().scalars(
        sa.select(Alert).where(Alert.cleared_at.is_(None)).order_by(Alert.id),
        execution_options={"populate_existing": True},
    )
    return {(row.kind, row.subject): row for row in rows}


def _compare(
    found: Iterable[Condition],
    judged: Collection[str],
    known: Mapping[tuple[str, str], Alert],
    *,
    now: datetime,
) -> Changes:
    changes = Changes()
    seen = {one.key: one for one in found}
    for key, one in seen.items():
        if (row := known.get(key)) is None:
            _begin(one, now)
            changes.opened += 1
        else:
            _still(row, one, changes, now)
    for key, row in known.items():
        if key not in seen and row.kind in judged:
            row.cleared_at = now
            notices.cleared(row, now=now)
            changes.cleared += 1
    changes.open = len(known) + changes.opened - changes.cleared
    session().flush()
    return changes


def _begin(one: Condition, now: datetime) -> None:
    row = Alert(
        kind=one.kind,
        subject=one.subject,
        name=one.short_name,
        severity=str(one.severity),
        level=one.level,
        facts=dict(one.facts),
        opened_at=now,
        seen_at=now,
    )
    session().add(row)
    session().flush()
    notices.tell(row, "opened", now=now)


def _still(row: Alert, one: Condition, changes: Changes, now: datetime) -> None:
    """Tell of it again only if it got worse, or a snooze is over."""
    row.seen_at, row.facts, row.name = now, dict(one.facts), one.short_name
    worse = one.level > row.level
    if worse:
        row.level, row.severity = one.level, str(_worst(row, one))
        row.acknowledged_at = row.acknowledged_by = row.note = None
    if row.snoozed_until is not None:
        if row.snoozed_until > now:
            return
        row.snoozed_until = None
        if row.acknowledged_at is None:
            notices.tell(row, "again", now=now)
            changes.again += 1
    elif worse:
        notices.tell(row, "worse", now=now)
        changes.worse += 1


def _worst(row: Alert, one: Condition) -> Severity:
    order = list(Severity)
    return max(Severity(row.severity), one.severity, key=order.index)


def last_look() -> datetime | None:
    """When somebody last looked at what the database knows."""
    seen: Any = session().scalar(sa.select(Heartbeat.seen_at).where(Heartbeat.name == BEAT))
    return seen if isinstance(seen, datetime) else None
