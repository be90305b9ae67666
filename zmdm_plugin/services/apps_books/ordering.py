"""Asking Apple for licences: claimed in a transaction, sent outside of any, settled in another.

A claim is committed before anything is sent, so that a killed worker leaves a request that says
whose licences may have been ordered. It is sent again after its lease: Apple books a licence that
a device has already no second time. No more are claimed than are available and not claimed by
others, under the lock of the asset's row, so that several workers never order too many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
from zmdm_plugin.clients.apps_books_values import EventStatus
from zmdm_plugin.db import session
from zmdm_plugin.models import Asset, Licence, LicenceRequest, Location, LocationAsset
from zmdm_plugin.services.apps_books import serials, settling
from zmdm_plugin.services.apps_books.settling import ASSOCIATE, DISASSOCIATE
from zmdm_plugin.state import state

LEASE: Final = timedelta(seconds=120)
"""Longer than a request and its tries take: only a killed worker's is sent by another one."""
STUCK: Final = timedelta(minutes=10)
"""What Apple has not done by then is ordered once more."""
_AGAIN: Final = timedelta(seconds=30)
_SOONER: Final = 30
"""Seconds: who was never notified does not wait for a notification."""
_MOST_ATTEMPTS: Final = 5
LOCATION: Final = (TokenExpired, TokenRefused, ServiceRemoved, TakenOver)
"""No use to ask for anything else in the location's name."""
_KIND: Final = {"assign": ASSOCIATE, "revoke": DISASSOCIATE}
_L = Licence
_R = LicenceRequest
_QUIET = {"synchronize_session": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be sent to Apple."""

    request_id: int
    kind: str
    adam_id: str
    pricing_param: str
    serials: Sequence[str]


def claim(location_id: int, *, limit: int, now: datetime) -> Order | None:
    """The next order of this location; None when there is nothing to do or nothing left."""
    again = _resend(location_id, now=now)
    if again is not None:
        return _order(again)
    for row_id in _with_todo(location_id, now=now):
        row = settling.hold_asset(row_id)
        if row is None:
            continue
        for todo in ("revoke", "assign"):
            request = _claim(row, todo, limit=limit, now=now)
            if request is not None:
                return _order(request)
    return None


def sent(request_id: int, event_id: str, *, now: datetime) -> None:
    """Apple has taken the order; what comes of it is told, or asked for."""
    request = _find(request_id)
    if request is None:
        return
    request.event_id, request.sent_at = event_id, now
    if request.finished_at is None:
        request.state = "pending"
        location = session().get_one(Location, request.location_id)
        request.due_at = now + _first_look(location)
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
        named = error.info.get("serialNumbers")
        settling.refused(
            request.location_asset_id,
            [one for one in named if isinstance(one, str)] if isinstance(named, list) else None,
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
    waits = (
        sa.exists()
        .where(_L.location_asset_id == row.id, _L.todo == "assign", _L.request_id.is_(None))
        .correlate(row)
    )
    short = sa.and_(row.available_count <= row.reserved_count, row.withdrawn_at.is_(None), waits)
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
    return bool(_with_todo(location_id, now=now))


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


def _resend(location_id: int, *, now: datetime) -> LicenceRequest | None:
    request = session().scalar(
        sa.select(_R)
        .where(
            _R.location_id == location_id,
            _R.finished_at.is_(None),
            _R.state == "sending",
            _R.due_at <= now,
        )
        .order_by(_R.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if request is not None:
        request.due_at = now + LEASE
        session().flush()
    return request


def _with_todo(location_id: int, *, now: datetime) -> Sequence[int]:
    """Assets with something to revoke, or to assign and a licence for it."""
    row = LocationAsset
    waits = sa.and_(
        _L.location_asset_id == row.id,
        _L.request_id.is_(None),
        sa.or_(_L.retry_at.is_(None), _L.retry_at <= now),
    )
    revoke = sa.exists().where(waits, _L.todo == "revoke").correlate(row)
    assign = sa.and_(
        row.available_count > row.reserved_count,
        row.withdrawn_at.is_(None),
        sa.exists().where(waits, _L.todo == "assign").correlate(row),
    )
    query = sa.select(row.id).where(row.location_id == location_id, sa.or_(revoke, assign))
    return session().scalars(query.order_by(row.id)).all()


def _claim(row: LocationAsset, todo: str, *, limit: int, now: datetime) -> LicenceRequest | None:
    most = limit
    if todo == "assign":
        most = max(0, min(limit, row.available_count - row.reserved_count))
    chosen = (
        session()
        .execute(
            sa.select(_L.id)
            .where(
                _L.location_asset_id == row.id,
                _L.todo == todo,
                _L.request_id.is_(None),
                sa.or_(_L.retry_at.is_(None), _L.retry_at <= now),
            )
            .order_by(_L.id)
            .limit(most)
            .with_for_update(skip_locked=True)
        )
        .scalars()
        .all()
    )
    return _new_request(row, todo, chosen, now=now) if chosen else None


def _new_request(
    row: LocationAsset, todo: str, ids: Sequence[int], *, now: datetime
) -> LicenceRequest:
    request = LicenceRequest(
        location_id=row.location_id,
        location_asset_id=row.id,
        kind=_KIND[todo],
        state="sending",
        count=len(ids),
        left=len(ids),
        due_at=now + LEASE,
    )
    session().add(request)
    session().flush()
    session().execute(
        sa.update(_L)
        .where(_L.id.in_(sa.select(serials.numbered(ids))))
        .values(request_id=request.id, changed_at=now),
        execution_options=_QUIET,
    )
    if todo == "assign":
        row.reserved_count += len(ids)
    session().flush()
    return request


def _order(request: LicenceRequest) -> Order:
    asset = session().execute(
        sa.select(Asset.adam_id, Asset.pricing_param)
        .join(LocationAsset, LocationAsset.asset_id == Asset.id)
        .where(LocationAsset.id == request.location_asset_id)
    )
    adam_id, pricing = asset.one()
    numbers = session().scalars(
        sa.select(_L.serial_number).where(_L.request_id == request.id).order_by(_L.id)
    )
    return Order(
        request_id=request.id,
        kind=request.kind,
        adam_id=adam_id,
        pricing_param=pricing,
        serials=numbers.all(),
    )


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
