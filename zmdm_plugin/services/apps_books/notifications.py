"""What Apple tells us about a location: kept and answered at once, read by a job.

https://developer.apple.com/documentation/devicemanagement/subscribing-to-notifications
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from zmdm_plugin.clients import apps_books_values as values
from zmdm_plugin.db import HotStatement, any_of, engine, session
from zmdm_plugin.errors import Denied, ProtocolError
from zmdm_plugin.models import LicenceRequest, Location, LocationNotification
from zmdm_plugin.queues import defer_now
from zmdm_plugin.services.apps_books import books, locations, serials, settling
from zmdm_plugin.state import state

MAX_SIZE: Final = 1024 * 1024
"""Bytes; a notification has a hundred elements at most."""
BATCH: Final = 40
"""Read in one transaction, four orders' worth: the asset's row is locked for a moment only."""
_KEEP: Final = timedelta(days=7)
"""How long the id of a notification is remembered: Apple repeats one within minutes."""
_NOTED: Final = timedelta(minutes=1)
"""How exactly it is known when Apple has last told anything."""
_QUIET = {"synchronize_session": False}
_N = LocationNotification
_WHOSE = """
FROM zmdm_location WHERE mdm_info_id = :mdm_info_id AND deleting_at IS NULL
    AND notification_token_hash = :token_hash"""
_OWNER = HotStatement("SELECT id" + _WHOSE)
_KEEP_IT = f"""
INSERT INTO zmdm_location_notification (location_id, notification_id, kind, body, received_at)
SELECT id, :number, :kind, {{body}}, :now {_WHOSE}
ON CONFLICT (location_id, notification_id) DO NOTHING
RETURNING location_id, (SELECT notified_at IS NULL OR notified_at < :before
    FROM zmdm_location WHERE id = location_id)
"""
_TAKE = HotStatement(
    _KEEP_IT.format(body=":body"), postgresql=_KEEP_IT.format(body="CAST(:body AS JSONB)")
)
_HEARD = HotStatement(
    "UPDATE zmdm_location SET notified_at = :now WHERE id = :location_id "
    "AND (notified_at IS NULL OR notified_at < :before) RETURNING id"
)


def take(mdm_info_id: str, token: str, document: Any, *, now: datetime) -> bool:
    """Keep a notification, in one statement that is committed; False for one taken before.

    Denied for whoever does not show what Apple was given; ProtocolError for what is none.
    """
    known = {"mdm_info_id": mdm_info_id, "token_hash": locations.token_hash(token)}
    try:
        number, kind, body = _read(document)
    except ProtocolError:
        _owner(known)  # who may not speak learns that first
        raise
    written = {"number": number, "kind": kind, "body": body, "now": now}
    before = {"before": now - _NOTED}
    taken = _hot(_TAKE, {**known, **written, **before})
    location_id, stale = taken or (_owner(known), False)
    if stale:
        _hot(_HEARD, {"location_id": location_id, "now": now, **before})
    defer_now("apps_books.work", location_id, once=f"apps_books.work:{location_id}")
    return taken is not None


def _owner(known: Mapping[str, str]) -> int:
    """Whose notification it is; Denied if nobody's."""
    row = _hot(_OWNER, known)
    if row is None:
        raise Denied("this is not for this server")
    return int(row[0])


def _hot(statement: HotStatement, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
    return statement.first(values, bound=engine(), prepare=state().settings.prepared_statements)


def work_off(location_id: int, *, now: datetime) -> int:
    """Read the oldest ones; returns how many."""
    location = session().get(Location, location_id)
    fresh = (
        session()
        .execute(
            sa.select(_N.id, _N.kind, _N.body)
            .where(_N.location_id == location_id, _N.processed_at.is_(None))
            .order_by(_N.id)
            .limit(BATCH)
            .with_for_update(skip_locked=True)
        )
        .all()
    )
    booking = _Booking(location_id, now, _over(location_id, [body for _, _, body in fresh]))
    for row_id, kind, body in fresh:
        error = _one(location, kind, body or {}, booking)
        if error is not None:
            _update(_N.id == row_id, error=error)
    booking.close()
    read = any_of(_N.id, [row_id for row_id, _, _ in fresh])
    _update(read, processed_at=now, body=sa.null())
    session().flush()
    return len(fresh)


def _over(location_id: int, bodies: Iterable[Mapping[str, Any] | None]) -> frozenset[str]:
    """Events among these that we ordered, and know the whole outcome of.

    What is told of them is old by now: the licences may have been given back meanwhile.
    """
    events = sorted({_event(_mapping((body or {}).get("notification"))) for body in bodies} - {""})
    query = sa.select(LicenceRequest.event_id).where(
        LicenceRequest.location_id == location_id,
        any_of(LicenceRequest.event_id, events),
        LicenceRequest.state == "done",
    )
    return frozenset(one for one in session().scalars(query) if one) if events else frozenset()


def _event(told: Mapping[str, Any]) -> str:
    """Which event it is about; empty for none that can be read."""
    named = told.get("eventId")
    return named if values.plain(named, 64) else ""


def _one(
    location: Location | None, kind: str, body: Mapping[str, Any], booking: _Booking
) -> str | None:
    """Read one; what is wrong with it."""
    if location is not None and body.get("uId") not in (None, "", location.library_uid):
        return "it is about another location"
    reading = _READERS.get(kind)
    return reading(_mapping(body.get("notification")), booking) if reading is not None else None


def _update(which: sa.ColumnElement[bool], **values: Any) -> None:
    session().execute(sa.update(_N).where(which).values(values), execution_options=_QUIET)


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


def _read(document: Any) -> tuple[str, str, str]:
    """Its id, its kind and what is kept of it, as JSON that any database takes."""
    if not isinstance(document, Mapping):
        raise ProtocolError("a notification is a JSON object")
    number, kind = document.get("notificationId"), document.get("notificationType")
    if not _name(number, 128) or not _name(kind, 64):
        raise ProtocolError("a notification has an id and a type")
    kept = {name: document[name] for name in ("notification", "uId") if name in document}
    return str(number), str(kind), _storable(kept)


def _storable(kept: Mapping[str, Any]) -> str:
    """ProtocolError for what JSON has no word for, and for characters that no database stores."""
    try:
        text = json.dumps(kept, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (ValueError, RecursionError):
        raise ProtocolError("a notification holds what cannot be stored") from None
    if "\\u0000" in text:
        raise ProtocolError("a notification holds what cannot be stored")
    return text


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

    def __init__(self, location_id: int, now: datetime, over: Collection[str]) -> None:
        self.location_id = location_id
        self.now = now
        self.over = over
        self._open: dict[int, tuple[str, list[str]]] = {}
        self._rows: dict[tuple[str, str], int] = {}

    def rows(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """The location's rows of these assets; each is looked for once."""
        wanted = set(keys)
        if new := wanted - self._rows.keys():
            self._rows |= books.of_location(self.location_id, new)
        return {key: self._rows[key] for key in wanted & self._rows.keys()}

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


def _managed(told: Mapping[str, Any], booking: _Booking) -> str | None:
    """Licences were assigned, given back, or were not."""
    kind, listed = told.get("type"), told.get("assignments")
    if kind not in ("ASSOCIATE", "DISASSOCIATE", "REVOKE") or not isinstance(listed, list):
        return "it cannot be read"
    if _event(told) in booking.over:
        return None
    page = values.assignments_by_asset(listed)
    rows = booking.rows(page)
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
        _read_assets(booking.location_id)
        return "it is about an asset that was not known yet"
    return None


def _counted(told: Mapping[str, Any], booking: _Booking) -> str | None:
    """Licences were bought, transferred or refunded."""
    delta, key = values.count_delta(told), values.asset_key(told)
    if delta is None or key is None:
        return "it cannot be read"
    row_id = booking.rows([key]).get(key)
    if row_id is not None:
        booking.close(row_id)
    row = settling.hold_asset(row_id) if row_id is not None else None
    if row is None:
        _read_assets(booking.location_id)
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
