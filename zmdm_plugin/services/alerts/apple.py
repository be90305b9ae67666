"""Apple Business and School Manager: terms, syncs that fail, locations that are gone, licences."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import Asset, DepVirtualServer, Location, LocationAsset
from zmdm_plugin.services.alerts.condition import Condition, Severity
from zmdm_plugin.state import state

KINDS = frozenset(
    {"dep.terms", "dep.failing", "location.failing", "location.taken", "licences.short"}
)
_NAMED = 3
_D, _L = DepVirtualServer, Location


def look(*, now: datetime) -> Iterator[Condition]:
    """Only what has something wrong is loaded."""
    yield from _servers(now)
    yield from _locations(now)
    yield from _licences()


def _servers(now: datetime) -> Iterator[Condition]:
    every = timedelta(minutes=state().settings.dep_sync_minutes)
    rows = session().execute(
        sa.select(
            _D.id, _D.name, _D.terms_not_signed_at, _D.error, _D.synced_at, _D.token_taken_at
        ).where(sa.or_(_D.error.is_not(None), _D.terms_not_signed_at.is_not(None)))
    )
    for row_id, name, terms_at, error, synced_at, taken_at in rows:
        if terms_at is not None:
            yield Condition(
                kind="dep.terms",
                subject=str(row_id),
                name=name,
                severity=Severity.CRITICAL,
                facts={"id": row_id},
            )
        elif fails(synced_at or taken_at, every, now=now):
            yield _failing("dep.failing", row_id, name, error)


def _locations(now: datetime) -> Iterator[Condition]:
    every = timedelta(hours=state().settings.apps_books_sync_hours)
    rows = session().execute(
        sa.select(
            _L.id, _L.name, _L.error, _L.synced_at, _L.created_at, _L.lost_at, _L.owner
        ).where(sa.or_(_L.error.is_not(None), _L.lost_at.is_not(None)))
    )
    for row_id, name, error, synced_at, created_at, lost_at, owner in rows:
        if lost_at is not None:
            yield Condition(
                kind="location.taken",
                subject=str(row_id),
                name=name,
                severity=Severity.CRITICAL,
                facts={"id": row_id, "owner": str((owner or {}).get("name") or "")[:100]},
            )
        elif fails(synced_at or created_at, every, now=now):
            yield _failing("location.failing", row_id, name, error)


def fails(good_at: datetime | None, every: timedelta, *, now: datetime) -> bool:
    """Whether it has gone wrong for too long: one failure between two syncs is none."""
    allowed = every + timedelta(hours=state().settings.alert_sync_hours)
    return good_at is None or now - good_at > allowed


def _failing(kind: str, row_id: int, name: str, error: str | None) -> Condition:
    facts = {"id": row_id, "error": error or "no answer"}
    return Condition(kind=kind, subject=str(row_id), name=name, facts=facts)


def _licences() -> Iterator[Condition]:
    """One alert for each location, however many of its apps are short."""
    held = LocationAsset
    number = sa.func.row_number().over(partition_by=held.location_id, order_by=held.short_at)
    short = (
        sa.select(
            held.location_id,
            held.asset_id,
            number.label("number"),
            sa.func.count().over(partition_by=held.location_id).label("apps"),
        )
        .where(held.short_at.is_not(None), held.withdrawn_at.is_(None))
        .subquery()
    )
    rows = session().execute(
        sa.select(_L.id, _L.name, short.c.apps, Asset.name, Asset.adam_id)
        .join(short, short.c.location_id == _L.id)
        .join(Asset, Asset.id == short.c.asset_id)
        .where(short.c.number <= _NAMED)
        .order_by(_L.id, short.c.number)
    )
    found: dict[int, tuple[str, int, list[str]]] = {}
    for row_id, name, apps, app, adam_id in rows:
        found.setdefault(row_id, (name, apps, []))[2].append(app or adam_id)
    for row_id, (name, apps, names) in found.items():
        facts = {"id": row_id, "apps": apps, "names": names}
        yield Condition(kind="licences.short", subject=str(row_id), name=name, facts=facts)
