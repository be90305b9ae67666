"""When locations are synced and worked for; what a lost wake-up has left is found again."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from zmdm_plugin.actors import SYSTEM
from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict
from zmdm_plugin.models import LicenceRequest, Location, LocationAsset
from zmdm_plugin.services.apps_books import connection, notifications, ordering, syncing
from zmdm_plugin.state import state

log = logging.getLogger(__name__)

FULL: Final = timedelta(days=7)
"""Everything is read again after so long, though nothing said that it were necessary."""
AFTER_FAILURE: Final = timedelta(minutes=15)


def start_due(*, now: datetime) -> Sequence[int]:
    """Begin the syncs that are due; the locations that have other work to do."""
    busy = []
    for location in session().scalars(sa.select(Location).order_by(Location.id)).all():
        mode = mode_due(location, now=now)
        if mode is not None:
            _start(location, mode)
        if notifications.is_due(location.id) or (
            connection.usable(location, now=now) and ordering.is_due(location.id, now=now)
        ):
            busy.append(location.id)
    return busy


def mode_due(location: Location, *, now: datetime) -> str | None:
    """Which sync is due, None if there is none: not for a location that is not ours to ask for."""
    if location.lost_at is not None or location.deleting_at is not None:
        return None
    if location.server_token_expiration_date <= now:
        return None
    if location.error_at is not None and now - location.error_at < AFTER_FAILURE:
        return None
    if location.full_sync_at is None or now - location.full_sync_at >= FULL:
        return "full"
    every = timedelta(hours=state().settings.apps_books_sync_hours)
    if location.synced_at is None or now - location.synced_at >= every:
        return "incremental"
    return "stale" if _stale(location.id, now=now) else None


def after_notifications(location_id: int, *, now: datetime) -> None:
    """What notifications have shown to be wrong is read anew without waiting for the schedule."""
    location = connection.find(location_id)
    if location.full_sync_at is None or not connection.usable(location, now=now):
        return
    if location.synced_at is None:
        _start(location, "incremental")
    elif _stale(location_id, now=now):
        _start(location, "stale")


def talk(location_id: int, *, now: datetime) -> connection.Credentials | None:
    """What is needed to order and to follow; None while there is nothing, or Apple may not be
    asked."""
    location = connection.find(location_id)
    ordering.note_short(location_id, now=now)
    if not connection.usable(location, now=now) or not ordering.is_due(location_id, now=now):
        return None
    return connection.credentials(location_id)


def _stale(location_id: int, *, now: datetime) -> bool:
    """Whether an asset is to be read anew; while orders for it are open, that would not last."""
    row, request = LocationAsset, LicenceRequest
    ordered = (
        sa.exists()
        .where(request.location_asset_id == row.id, request.finished_at.is_(None))
        .correlate(row)
    )
    query = sa.select(row.id).where(row.location_id == location_id, row.stale_at <= now, ~ordered)
    return session().scalar(query.limit(1)) is not None


def _start(location: Location, mode: str) -> None:
    try:
        syncing.start(SYSTEM, location, mode)
    except Conflict as error:
        log.debug("no sync: %s", error)
