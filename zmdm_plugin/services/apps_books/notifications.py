"""What Apple tells us about a location: kept and answered at once, read by a job.

https://developer.apple.com/documentation/devicemanagement/subscribing-to-notifications
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from zmdm_plugin.clients import apps_books_values as values
from zmdm_plugin.db import insert, session
from zmdm_plugin.errors import Denied, ProtocolError
from zmdm_plugin.models import Location, LocationNotification
from zmdm_plugin.queues import defer
from zmdm_plugin.services.apps_books import books, locations, serials, settling

MAX_SIZE: Final = 1024 * 1024
"""Bytes; a notification has a hundred elements at most."""
BATCH: Final = 100
_KEEP: Final = timedelta(days=7)
"""How long the id of a notification is remembered: Apple repeats one within minutes."""
_QUIET = {"synchronize_session": False}
_N = LocationNotification


def take(mdm_info_id: str, token: str, document: Any, *, now: datetime) -> bool:
    """Keep a notification; False for one that was taken before.

    Denied for whoever does not show what Apple was given; ProtocolError for what is none.
    """
    location = session().scalar(sa.select(Location).where(Location.mdm_info_id == mdm_info_id))
    if location is None or not locations.token_matches(location, token):
        raise Denied("this is not for this server")
    number, kind, body = _read(document)
    fresh = session().execute(
        insert(_N)
        .values(
            location_id=location.id,
            notification_id=number,
            kind=kind,
            body=body,
            received_at=now,
        )
        .on_conflict_do_nothing(index_elements=[_N.location_id, _N.notification_id])
        .returning(_N.id)
    )
    new = fresh.scalar() is not None
    if location.notified_at is None or now - location.notified_at > timedelta(minutes=1):
        location.notified_at = now
    defer("apps_books.work", location.id, once=f"apps_books.work:{location.id}")
    return new


def work_off(location_id: int, *, now: datetime) -> int:
    """Read the oldest ones; returns how many."""
    location = session().get(Location, location_id)
    fresh = (
        session()
        .scalars(
            sa.select(_N)
            .where(_N.location_id == location_id, _N.processed_at.is_(None))
            .order_by(_N.id)
            .limit(BATCH)
            .with_for_update(skip_locked=True)
        )
        .all()
    )
    booking = _Booking(now)
    for one in fresh:
        body = one.body or {}
        if location is not None and body.get("uId") not in (None, "", location.library_uid):
            one.error = "it is about another location"
        else:
            reading = _READERS.get(one.kind)
            if reading is not None:
                told = _mapping(body.get("notification"))
                one.error = reading(location_id, told, booking)
        one.processed_at, one.body = now, None
    booking.close()
    session().flush()
    return len(fresh)


def is_due(location_id: int) -> bool:
    """Whether there are any that nobody has read."""
    query = sa.select(_N.id).where(_N.location_id == location_id, _N.processed_at.is_(None))
    return session().scalar(query.limit(1)) is not None


def forget(*, now: datetime, limit: int = 500) -> int:
    """Forget the ids of long ago."""
    old = sa.select(_N.id).where(_N.received_at < now - _KEEP, _N.processed_at.is_not(None))
    gone = session().scalars(
        sa.delete(_N).where(_N.id.in_(old.limit(limit))).returning(_N.id),
        execution_options=_QUIET,
    )
    return len(gone.all())


def _read(document: Any) -> tuple[str, str, dict[str, Any]]:
    """Its id, its kind and what is kept of it."""
    if not isinstance(document, Mapping):
        raise ProtocolError("a notification is a JSON object")
    number, kind = document.get("notificationId"), document.get("notificationType")
    if not _name(number, 128) or not _name(kind, 64):
        raise ProtocolError("a notification has an id and a type")
    kept = {name: document[name] for name in ("notification", "uId") if name in document}
    return str(number), str(kind), kept


def _name(value: Any, longest: int) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value) <= longest
        and value.isascii()
        and value.isprintable()
    )


class _Booking:
    """What several notifications say of an asset, booked together: an order brings ten of them.

    Only what follows upon each other and is of one kind is put together, so that nothing changes
    places.
    """

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._open: dict[int, tuple[str, list[str]]] = {}

    def add(self, row_id: int, kind: str, numbers: Iterable[str]) -> None:
        """These have a licence now, or none any more."""
        if row_id in self._open and self._open[row_id][0] != kind:
            self.close(row_id)
        self._open.setdefault(row_id, (kind, []))[1].extend(numbers)

    def close(self, *row_ids: int) -> None:
        """Book what is open, of these assets or of all."""
        for row_id in row_ids or sorted(self._open):
            kind, numbers = self._open.pop(row_id, ("", []))
            settle = settling.associated if kind == "ASSOCIATE" else settling.disassociated
            for chunk in serials.chunks(numbers):
                settle(row_id, chunk, now=self.now)


def _managed(location_id: int, told: Mapping[str, Any], booking: _Booking) -> str | None:
    """Licences were assigned, given back, or were not."""
    kind, listed = told.get("type"), told.get("assignments")
    if kind not in ("ASSOCIATE", "DISASSOCIATE", "REVOKE") or not isinstance(listed, list):
        return "it cannot be read"
    page = values.assignments_by_asset(listed)
    rows = books.of_location(location_id, page)
    for key in sorted(page.keys() & rows.keys()):
        numbers = page[key]
        if told.get("result") == "FAILURE":
            number = values.failure(told.get("error")).number
            order = settling.ASSOCIATE if kind == "ASSOCIATE" else settling.DISASSOCIATE
            booking.close(rows[key])
            settling.refused(rows[key], numbers, kind=order, number=number, now=booking.now)
        else:
            booking.add(rows[key], kind, numbers)
    if page.keys() - rows.keys():
        _read_assets(location_id)
        return "it is about an asset that was not known yet"
    return None


def _counted(location_id: int, told: Mapping[str, Any], booking: _Booking) -> str | None:
    """Licences were bought, transferred or refunded."""
    delta, adam_id = told.get("countDelta"), told.get("adamId")
    if isinstance(delta, bool) or not isinstance(delta, int) or not isinstance(adam_id, str):
        return "it cannot be read"
    key = adam_id, str(told.get("pricingParam") or "STDQ")
    row_id = books.of_location(location_id, [key]).get(key)
    if row_id is not None:
        booking.close(row_id)
    row = settling.hold_asset(row_id) if row_id is not None else None
    if row is None:
        _read_assets(location_id)
        return "it is about an asset that was not known yet"
    row.total_count += delta
    row.available_count += delta
    if row.available_count < 0 or row.total_count < row.assigned_count:
        row.total_count = max(row.total_count, 0)
        row.available_count = max(row.available_count, 0)
        row.stale_at = row.stale_at or booking.now
    session().flush()
    return None


def _read_assets(location_id: int) -> None:
    """Have the assets read again: the next sync is due now."""
    session().execute(
        sa.update(Location).where(Location.id == location_id).values(synced_at=None),
        execution_options=_QUIET,
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


_READERS: Final = {"ASSET_MANAGEMENT": _managed, "ASSET_COUNT": _counted}
"""The rest has nothing for us: a test, and what is about users."""
