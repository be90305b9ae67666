"""What people do with alerts: find, acknowledge, snooze; and how many are open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict, NotFound, Refused
from zmdm_plugin.models import Alert, Heartbeat
from zmdm_plugin.services import audit
from zmdm_plugin.services.alerts import processes
from zmdm_plugin.services.alerts.condition import Condition
from zmdm_plugin.services.keyset import DEFAULT_LIMIT, MAX_ID, Keyset, Page

STATES = ("open", "acknowledged", "snoozed", "cleared", "all")
"""Open: nobody looks after it yet, and nobody has put it off."""
SNOOZES: Mapping[str, timedelta] = {
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
    "7d": timedelta(days=7),
}
_LONGEST = timedelta(days=366)
_MOST = 200


def in_state(state: str, *, now: datetime) -> list[sa.ColumnElement[bool]]:
    """Conditions for one of STATES."""
    is_open = Alert.cleared_at.is_(None)
    snoozed = sa.and_(Alert.snoozed_until.is_not(None), Alert.snoozed_until > now)
    awake = sa.or_(Alert.snoozed_until.is_(None), Alert.snoozed_until <= now)
    found: dict[str, list[sa.ColumnElement[bool]]] = {
        "open": [is_open, awake, Alert.acknowledged_at.is_(None)],
        "acknowledged": [is_open, awake, Alert.acknowledged_at.is_not(None)],
        "snoozed": [is_open, snoozed],
        "cleared": [Alert.cleared_at.is_not(None)],
        "all": [],
    }
    if state not in found:
        raise Refused("state", f"must be one of {', '.join(STATES)}")
    return found[state]


def state_of(row: Alert, *, now: datetime) -> str:
    """Which of these states it is in."""
    if row.cleared_at is not None:
        return "cleared"
    if row.snoozed_until is not None and row.snoozed_until > now:
        return "snoozed"
    return "open" if row.acknowledged_at is None else "acknowledged"


def page(
    *,
    now: datetime,
    state: str = "open",
    severity: str | None = None,
    kind: str | None = None,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Alert]:
    """A page of alerts, the newest first."""
    query = sa.select(Alert).where(*in_state(state, now=now))
    if severity:
        query = query.where(Alert.severity == severity)
    if kind:
        query = query.where(Alert.kind == kind)
    return Keyset(Alert.id, {}).entities(query, ordering="-id", cursor=cursor, limit=limit)


def find(alert_id: int, *, lock: bool = False) -> Alert:
    """The alert; NotFound."""
    row = None
    if 0 < alert_id <= MAX_ID:
        query = sa.select(Alert).where(Alert.id == alert_id)
        row = session().scalar(
            query.with_for_update() if lock else query,
            execution_options={"populate_existing": True},
        )
    if row is None:
        raise NotFound("there is no such alert")
    return row


def acknowledge(alert_id: int, *, note: str, actor: Actor, now: datetime) -> Alert:
    """Somebody looks after it: no more is told of it unless it gets worse, or is over."""
    row = _found_open(alert_id)
    before = audit.snapshot(row)
    row.acknowledged_at, row.acknowledged_by = now, actor.label[:256]
    row.note = " ".join(note.replace("\0", "").split())[:500] or None
    row.snoozed_until = None
    audit.record(
        actor, "alert.acknowledge", row, before=before, after=audit.snapshot(row), reason=row.note
    )
    return row


def snooze(alert_id: int, *, until: datetime, actor: Actor, now: datetime) -> Alert:
    """Nobody is told before; Refused for a moment that has passed or lies beyond a year."""
    if not now < until <= now + _LONGEST:
        raise Refused("until", "must lie ahead, within a year")
    row = _found_open(alert_id)
    before = audit.snapshot(row)
    row.snoozed_until = until
    row.acknowledged_at = row.acknowledged_by = row.note = None
    audit.record(actor, "alert.snooze", row, before=before, after=audit.snapshot(row))
    return row


def wake(alert_id: int, *, actor: Actor) -> Alert:
    """End a snooze; whoever ends it knows, so nobody is told for it."""
    row = _found_open(alert_id)
    if row.snoozed_until is None:
        raise Conflict("it is not snoozed")
    before = audit.snapshot(row)
    row.snoozed_until = None
    audit.record(actor, "alert.unsnooze", row, before=before, after=audit.snapshot(row))
    return row


def _found_open(alert_id: int) -> Alert:
    row = find(alert_id, lock=True)
    if row.cleared_at is not None:
        raise Conflict("it is over already")
    return row


@dataclass(frozen=True, slots=True)
class Standing:
    """What is wrong now, for every screen."""

    open: int
    """Alerts that nobody looks after, with the dead processes that no alert tells of yet."""
    critical: bool
    dead: tuple[Condition, ...] = ()
    """Dead processes that nobody could write an alert about: they are the ones who would."""


def standing(*, now: datetime) -> Standing:
    """In one statement, for each screen asks: alerts that are open, and signs of life."""
    alerts = sa.select(
        sa.literal("alert").label("what"),
        Alert.kind,
        Alert.subject,
        Alert.severity,
        sa.case((sa.and_(*in_state("open", now=now)), Alert.opened_at)).label("at"),
    ).where(Alert.cleared_at.is_(None))
    lives = sa.select(
        sa.literal("beat"), Heartbeat.name, sa.literal(""), sa.literal(""), Heartbeat.seen_at
    )
    rows = session().execute(sa.union_all(alerts.limit(_MOST).subquery().select(), lives))
    return _standing([tuple(row) for row in rows], now=now)


def _standing(rows: list[tuple[Any, ...]], *, now: datetime) -> Standing:
    beats = {kind: at for what, kind, _, _, at in rows if what == "beat"}
    known = {(kind, subject) for what, kind, subject, _, _ in rows if what == "alert"}
    awake = [severity for what, _, _, severity, at in rows if what == "alert" and at is not None]
    dead = tuple(one for one in processes.silent(beats, now=now) if one.key not in known)
    return Standing(len(awake) + len(dead), "critical" in awake or bool(dead), dead)
