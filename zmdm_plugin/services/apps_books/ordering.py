"""What became of orders: taken, refused, lost, or to be asked about.

An order whose answer was lost is sent again after its lease: Apple books a licence that a device
has already no second time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from zmdm_plugin.clients.apps_books_errors import (
    AppsBooksError,
    EventUnknown,
    ServiceRemoved,
    TakenOver,
    TokenExpired,
    TokenRefused,
)
from zmdm_plugin.clients.apps_books_values import EventStatus, named_serials
from zmdm_plugin.db import session
from zmdm_plugin.models import LicenceRequest, Location, LocationAsset
from zmdm_plugin.services.apps_books import settling
from zmdm_plugin.services.apps_books.claiming import LEASE, waits, with_todo
from zmdm_plugin.state import state

STUCK: Final = timedelta(minutes=10)
"""What Apple has not done by then is ordered once more."""
_AGAIN: Final = timedelta(seconds=30)
_SOONER: Final = 30
"""Seconds: who was never notified does not wait for a notification."""
_MOST_ATTEMPTS: Final = 5
LOCATION: Final = (TokenExpired, TokenRefused, ServiceRemoved, TakenOver)
"""No use to ask for anything else in the location's name."""
_R = LicenceRequest


def sent(events: Mapping[int, str], *, now: datetime) -> None:
    """Apple has taken these orders, by request; what comes of them is told, or asked for.

    Nothing but the requests' own rows is locked.
    """
    if not events:
        return
    open_ = _R.finished_at.is_(None)
    location = sa.select(Location).join(_R, _R.location_id == Location.id)
    found = session().scalar(location.where(_R.id == min(events)))
    if found is None:
        return
    session().connection().execute(
        sa.update(_R)
        .where(_R.id == sa.bindparam("request"))
        .values(
            event_id=sa.bindparam("event"),
            sent_at=now,
            state=sa.case((open_, "pending"), else_=_R.state),
            due_at=sa.case((open_, now + _first_look(found)), else_=_R.due_at),
        ),
        [{"request": one, "event": events[one]} for one in sorted(events)],
    )


def withdrawn(request_ids: Iterable[int], *, now: datetime) -> None:
    """These were never sent, and will not be: their rows wait again."""
    for request_id in sorted(request_ids):
        request = _find(request_id)
        if request is not None and request.finished_at is None:
            settling.given_back(request, now=now)
            session().delete(request)
    session().flush()


def not_sent(request_id: int, error: AppsBooksError, *, now: datetime) -> None:
    """Apple did not take it: tried again, put off, or the rows wait for the location."""
    request = _find(request_id)
    if request is None or request.finished_at is not None:
        return
    request.error, request.error_number = str(error)[:500], error.number or None
    request.attempts += 1
    if isinstance(error, LOCATION):
        settling.given_back(request, now=now)
        _end(request, now=now)
    elif error.transient and request.attempts < _MOST_ATTEMPTS:
        wait = timedelta(seconds=error.retry_after or 15 * 2**request.attempts)
        request.state, request.due_at = "sending", now + wait
    elif not error.transient:
        settling.refused(
            request.location_asset_id,
            named_serials(error.info) or None,
            request=request,
            kind=request.kind,
            number=error.number,
            now=now,
        )
        settling.given_back(request, now=now)
        _end(request, now=now)
    else:
        settling.given_back(request, now=now)
        _end(request, now=now)
    session().flush()


def forget(request_id: int, *, now: datetime) -> None:
    """A request whose rows have all been settled or forgotten meanwhile needs no sending."""
    request = _find(request_id)
    if request is not None and request.finished_at is None:
        settling.request_done(request, now=now)


def due(location_id: int, *, now: datetime) -> LicenceRequest | None:
    """A request that is to be asked about; leased, so that others pass it by."""
    request = session().scalar(
        sa.select(_R)
        .where(
            _R.location_id == location_id,
            _R.finished_at.is_(None),
            _R.state == "pending",
            _R.due_at <= now,
        )
        .order_by(_R.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if request is not None:
        request.due_at = now + LEASE
        session().flush()
    return request


def looked(request_id: int, status: EventStatus | EventUnknown, *, now: datetime) -> None:
    """What Apple says about a request."""
    request = _find(request_id)
    if request is None or request.finished_at is not None:
        return
    if isinstance(status, EventUnknown):
        _once_more(request, now=now)
    elif status.state == "PENDING":
        request.due_at = now + _AGAIN
        if request.sent_at is None or now - request.sent_at >= STUCK:
            _once_more(request, now=now)
    else:
        _over(request, status, now=now)
    session().flush()


def note_short(location_id: int, *, now: datetime) -> None:
    """Say of which assets there are not enough licences, and where that is over."""
    row = LocationAsset
    waiting = waits(row, "assign", now=None)
    short = sa.and_(row.available_count <= row.reserved_count, row.withdrawn_at.is_(None), waiting)
    changed = sa.or_(
        sa.and_(row.short_at.is_(None), short), sa.and_(row.short_at.is_not(None), ~short)
    )
    query = sa.select(row.id).where(row.location_id == location_id, changed).order_by(row.id)
    for row_id in session().scalars(query).all():
        held = settling.hold_asset(row_id)
        if held is None:
            continue
        if held.short_at is not None:
            held.short_at = None
        elif held.available_count <= held.reserved_count:
            settling.is_short(held, now=now)
    session().flush()


def is_due(location_id: int, *, now: datetime) -> bool:
    """Whether anything of this location is to be sent or asked about."""
    open_request = sa.select(_R.id).where(
        _R.location_id == location_id, _R.finished_at.is_(None), _R.due_at <= now
    )
    if session().scalar(open_request.limit(1)) is not None:
        return True
    return bool(with_todo(location_id, now=now))


def _over(request: LicenceRequest, status: EventStatus, *, now: datetime) -> None:
    for failure in status.failures:
        numbers = failure.serials or None
        if numbers is None and status.completed:
            continue  # some were done and which is not said: the books are read anew
        settling.refused(
            request.location_asset_id,
            numbers,
            request=request,
            kind=request.kind,
            number=failure.number,
            now=now,
        )
    if any(not failure.serials for failure in status.failures) and status.completed:
        row = settling.hold_asset(request.location_asset_id)
        if row is not None:
            row.stale_at = row.stale_at or now
        settling.given_back(request, now=now)
        _end(request, now=now)
    else:
        settling.request_done(request, now=now)


def _once_more(request: LicenceRequest, *, now: datetime) -> None:
    """Order again what Apple has lost or does not come to."""
    request.attempts += 1
    if request.attempts >= _MOST_ATTEMPTS:
        request.error = "Apple did not carry it out, however often it was asked"
        settling.given_back(request, now=now)
        _end(request, now=now)
        return
    request.state, request.event_id, request.due_at = "sending", None, now


def _end(request: LicenceRequest, *, now: datetime) -> None:
    request.state, request.left, request.finished_at = "failed", 0, now
    session().flush()


def _first_look(location: Location) -> timedelta:
    seconds = state().settings.apps_books_poll_after
    return timedelta(seconds=seconds if location.notified_at else min(seconds, _SOONER))


def _find(request_id: int) -> LicenceRequest | None:
    """The asset's row first, as everybody locks them."""
    request = session().get(LicenceRequest, request_id)
    if request is None:
        return None
    settling.hold_asset(request.location_asset_id)
    found: LicenceRequest | None = session().scalar(
        sa.select(_R).where(_R.id == request_id).with_for_update(),
        execution_options={"populate_existing": True},
    )
    return found
