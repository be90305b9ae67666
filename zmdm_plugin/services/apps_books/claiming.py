"""What is ordered next: claimed in a transaction, before it is sent outside of any.

No more are claimed than are available and not claimed by others, under the lock of the asset's
row, so that several workers never order too many. A killed worker leaves a request that says whose
licences may have been ordered; it is claimed again after its lease.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import Asset, Licence, LicenceRequest, LocationAsset
from zmdm_plugin.services.apps_books import settling
from zmdm_plugin.services.apps_books.settling import ASSOCIATE, DISASSOCIATE

LEASE: Final = timedelta(seconds=120)
"""Longer than a request and its tries take: only a killed worker's is sent by another one."""
_KIND: Final = {"assign": ASSOCIATE, "revoke": DISASSOCIATE}
_L = Licence
_R = LicenceRequest
_TURN: Final = (_L.changed_at, _L.id)
"""Who has waited longest comes first. Only the index of what is to be done has this order."""
_QUIET = {"synchronize_session": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be sent to Apple."""

    request_id: int
    kind: str
    adam_id: str
    pricing_param: str
    serials: Sequence[str]


def claim(location_id: int, *, limit: int, most: int, now: datetime) -> list[Order]:
    """The next orders of this location, `most` at most and all of one asset; none when there is
    nothing to do or nothing left."""
    if again := _resend(location_id, most=most, now=now):
        return [_order(one, _asset(one.location_asset_id), _numbers(one)) for one in again]
    for row_id, todo in with_todo(location_id, now=now):
        row = settling.hold_asset(row_id)
        orders = _claim(row, todo, limit=limit, most=most, now=now) if row is not None else []
        if orders:
            return orders
    return []


def _resend(location_id: int, *, most: int, now: datetime) -> Sequence[LicenceRequest]:
    due = sa.select(_R).where(
        _R.location_id == location_id,
        _R.finished_at.is_(None),
        _R.state == "sending",
        _R.due_at <= now,
    )
    found = session().scalars(due.order_by(_R.id).limit(most).with_for_update(skip_locked=True))
    requests = found.all()
    for request in requests:
        request.due_at = now + LEASE
    session().flush()
    return requests


def with_todo(location_id: int, *, now: datetime) -> Sequence[tuple[int, str]]:
    """Assets with something to revoke, or to assign and a licence for it; and which, revoke first.

    What is given back now can be assigned next.
    """
    row = LocationAsset
    revoke = waits(row, "revoke", now=now)
    assign = sa.and_(
        row.available_count > row.reserved_count,
        row.withdrawn_at.is_(None),
        waits(row, "assign", now=now),
    )
    query = sa.select(row.id, revoke).where(row.location_id == location_id, revoke | assign)
    found = session().execute(query.order_by(row.id))
    return [(row_id, "revoke" if gives else "assign") for row_id, gives in found]


def _claim(row: LocationAsset, todo: str, *, limit: int, most: int, now: datetime) -> list[Order]:
    """Mark the next ones as ours, an order with one statement: they never leave the database but
    for this."""
    asset, orders = _asset(row.id), list[Order]()
    while len(orders) < most:
        size = limit
        if todo == "assign":
            size = min(limit, row.available_count - row.reserved_count)
        order = _next(row, todo, asset, size=size, now=now) if size > 0 else None
        if order is None:
            break
        orders.append(order)
        if todo == "assign":
            row.reserved_count += len(order.serials)
    session().flush()
    return orders


def _next(
    row: LocationAsset, todo: str, asset: tuple[str, str], *, size: int, now: datetime
) -> Order | None:
    request = LicenceRequest(
        location_id=row.location_id,
        location_asset_id=row.id,
        kind=_KIND[todo],
        state="sending",
        count=size,
        left=size,
        due_at=now + LEASE,
    )
    session().add(request)
    session().flush()
    numbers = _marked(row.id, todo, request.id, most=size, now=now)
    if not numbers:
        session().delete(request)
        return None
    request.count = request.left = len(numbers)
    return _order(request, asset, numbers)


def _marked(
    location_asset_id: int, todo: str, request_id: int, *, most: int, now: datetime
) -> Sequence[str]:
    """Serial numbers of the rows that belong to this request from now on."""
    chosen = (
        sa.select(_L.id)
        .where(_L.location_asset_id == location_asset_id, *_open(todo, now=now))
        .order_by(*_TURN)
        .limit(most)
        .with_for_update(skip_locked=True)
        .cte("chosen")
    )
    marked = session().scalars(
        sa.update(_L)
        .where(_L.id.in_(sa.select(chosen.c.id)))
        .values(request_id=request_id, changed_at=now)
        .returning(_L.serial_number),
        execution_options=_QUIET,
    )
    return sorted(marked)


def waits(row: type[LocationAsset], todo: str, *, now: datetime | None) -> sa.ColumnElement[bool]:
    """Whether anybody waits: the first in turn, by its index.

    EXISTS would read the table from its beginning, past all that was claimed before, as long as
    statistics say that nearly every row waits.
    """
    first = sa.select(_L.id).where(_L.location_asset_id == row.id, *_open(todo, now=now))
    found = first.order_by(*_TURN).limit(1).correlate(row).scalar_subquery()
    return found.is_not(None)


def _open(todo: str, *, now: datetime | None) -> tuple[sa.ColumnElement[bool], ...]:
    """Rows with this to be done about them; `now`: by now, not after a refusal's while."""
    due = () if now is None else (sa.or_(_L.retry_at.is_(None), _L.retry_at <= now),)
    return (_L.todo == todo, _L.request_id.is_(None), *due)


def _asset(location_asset_id: int) -> tuple[str, str]:
    """Apple's name of it and of its quality of licence."""
    asset = session().execute(
        sa.select(Asset.adam_id, Asset.pricing_param)
        .join(LocationAsset, LocationAsset.asset_id == Asset.id)
        .where(LocationAsset.id == location_asset_id)
    )
    adam_id, pricing = asset.one()
    return adam_id, pricing


def _order(request: LicenceRequest, asset: tuple[str, str], numbers: Sequence[str]) -> Order:
    return Order(
        request_id=request.id,
        kind=request.kind,
        adam_id=asset[0],
        pricing_param=asset[1],
        serials=numbers,
    )


def _numbers(request: LicenceRequest) -> Sequence[str]:
    numbers = sa.select(_L.serial_number).where(_L.request_id == request.id)
    return session().scalars(numbers.order_by(_L.serial_number)).all()
