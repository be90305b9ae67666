"""What became of licences: told by a notification or by asking, and booked once.

A row that an open order of ours has claimed is settled by that order; any other row was changed by
somebody else. So it does not matter who tells first, or how often: a row without a claim that
already is as it is told to be is left alone, and no number changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from zmdm_plugin.clients import apps_books_errors as errors
from zmdm_plugin.db import session
from zmdm_plugin.models import Licence, LicenceRequest, Location, LocationAsset
from zmdm_plugin.queues import defer
from zmdm_plugin.services import events
from zmdm_plugin.services.apps_books import books, serials

ASSOCIATE, DISASSOCIATE = "associate", "disassociate"
_RETRIES = (timedelta(minutes=15), timedelta(hours=2), timedelta(hours=8), timedelta(days=1))
REREAD = timedelta(minutes=1)
"""Numbers that Apple contradicts are read no more often than that."""
_QUIET = {"synchronize_session": False}
_L = Licence
_R = LicenceRequest


def hold_asset(location_asset_id: int) -> LocationAsset | None:
    """Lock the asset of a location: its numbers and its licences change together."""
    query = sa.select(LocationAsset).where(LocationAsset.id == location_asset_id)
    found: LocationAsset | None = session().scalar(
        query.with_for_update(), execution_options={"populate_existing": True}
    )
    return found


def associated(location_asset_id: int, numbers: Sequence[str], *, now: datetime) -> int:
    """These have a licence now; returns how many of them waited for it here."""
    row = hold_asset(location_asset_id)
    if row is None:
        return 0
    settled, taken = _settle_held([_of(row, numbers), _claimed(row, ASSOCIATE)], now=now)
    events.record_for_each("licence.assigned", taken, location_asset=row.id)
    foreign = 0
    if settled.total() < len(numbers):
        foreign = books.hold(location_asset_id, numbers, generation=None, now=now)
    row.reserved_count -= settled.total()
    _book(row, settled.total() + foreign, now=now)
    _finish(settled, now=now)
    return settled.total()


def disassociated(location_asset_id: int, numbers: Sequence[str], *, now: datetime) -> int:
    """These have none any more."""
    row = hold_asset(location_asset_id)
    if row is None:
        return 0
    lost = session().execute(
        sa.select(_L.id, _L.request_id, _L.serial_number)
        .where(_of(row, numbers), _L.held)
        .with_for_update()
    )
    pairs = lost.all()
    settled = Counter(one.request_id for one in pairs if one.request_id is not None)
    gone = [one.serial_number for one in pairs]
    events.record_for_each("licence.revoked", gone, location_asset=row.id)
    _let_go([one.id for one in pairs], now=now)
    _book(row, -len(pairs), now=now)
    _finish(settled, now=now)
    return len(pairs)


def request_done(request: LicenceRequest, *, now: datetime) -> None:
    """Apple has done all that was ordered and not told of yet."""
    left = _numbers(request)
    settle = associated if request.kind == ASSOCIATE else disassociated
    for chunk in serials.chunks(left):
        settle(request.location_asset_id, chunk, now=now)
    _close_empty(request, now=now)


def refused(
    location_asset_id: int,
    numbers: Sequence[str] | None,
    *,
    request: LicenceRequest | None = None,
    kind: str = ASSOCIATE,
    number: int,
    now: datetime,
) -> int:
    """Apple did not do it for these (None: for all of the request); asked again after a while."""
    row = hold_asset(location_asset_id)
    if row is None:
        return 0
    which = [_L.location_asset_id == row.id, _claimed(row, kind)]
    if numbers is not None:
        which.append(_of(row, numbers))
    if request is not None:
        which.append(_L.request_id == request.id)
    claimed = session().execute(
        sa.select(_L.id, _L.request_id, _L.attempts, _L.serial_number)
        .where(*which)
        .with_for_update()
    )
    rows = claimed.all()
    refusals = [one.serial_number for one in rows]
    events.record_for_each(
        "licence.refused", refusals, location_asset=row.id, why=errors.words(number)
    )
    for attempts in sorted({one.attempts for one in rows}):
        ids = [one.id for one in rows if one.attempts == attempts]
        _put_off(ids, attempts, number, now=now)
    if kind == ASSOCIATE:
        row.reserved_count -= len(rows)
    if number == errors.NOT_ENOUGH:
        _is_short(row, now=now)
    _finish(Counter(one.request_id for one in rows), number=number, now=now)
    session().flush()
    return len(rows)


def given_back(request: LicenceRequest, *, now: datetime) -> None:
    """Nothing came of the whole request, and nobody is to blame: its rows wait again."""
    row = hold_asset(request.location_asset_id)
    ids = session().scalars(
        sa.update(_L)
        .where(_L.request_id == request.id)
        .values(request_id=None, changed_at=now)
        .returning(_L.id),
        execution_options=_QUIET,
    )
    freed = len(ids.all())
    _forget_unwanted(_L.location_asset_id == request.location_asset_id)
    if row is not None and request.kind == ASSOCIATE:
        row.reserved_count -= freed
    request.left = 0
    session().flush()


def is_short(row: LocationAsset, *, now: datetime) -> None:
    """Somebody waits and there is no licence: shown, and said once."""
    if row.short_at is None:
        row.short_at = now
        location = session().get_one(Location, row.location_id)
        events.record(
            "licences.short", location=location.name, location_asset=row.id, total=row.total_count
        )


def _is_short(row: LocationAsset, *, now: datetime) -> None:
    """Apple says that there are not enough: our numbers are wrong, and read anew in a while."""
    row.available_count = min(row.available_count, row.reserved_count)
    row.stale_at = row.stale_at or now + REREAD
    is_short(row, now=now)


def _of(row: LocationAsset, numbers: Iterable[str]) -> sa.ColumnElement[bool]:
    return sa.and_(_L.location_asset_id == row.id, serials.among(_L.serial_number, numbers))


def _claimed(row: LocationAsset, kind: str) -> sa.ColumnElement[bool]:
    """Rows that an order of ours of this kind is on its way for.

    Found by serial number and not by the index of the order, which knows all that was ordered.
    """
    ours = sa.select(_R.id).where(
        _R.location_asset_id == row.id, _R.kind == kind, _R.finished_at.is_(None)
    )
    return sa.func.coalesce(_L.request_id, 0).in_(session().scalars(ours.order_by(_R.id)).all())


def _settle_held(
    which: Sequence[sa.ColumnElement[bool]], *, now: datetime
) -> tuple[Counter[int], list[str]]:
    """Ours now; what is no longer wanted by now is to be given back. How many of each request, and
    the serial numbers. Whose order is on its way changes under the asset's lock alone."""
    rows = session().execute(sa.select(_L.id, _L.request_id, _L.serial_number).where(*which))
    pairs = rows.all()
    if not pairs:
        return Counter(), []
    session().execute(
        sa.update(_L)
        .where(_L.id.in_(sa.select(serials.numbered(one.id for one in pairs))))
        .values(
            held=True,
            ours=True,
            request_id=None,
            todo=sa.case((_L.wanted, None), else_="revoke"),
            error=None,
            error_number=None,
            retry_at=None,
            attempts=0,
            changed_at=now,
        ),
        execution_options=_QUIET,
    )
    return Counter(one.request_id for one in pairs), [one.serial_number for one in pairs]


def _let_go(ids: Sequence[int], *, now: datetime) -> None:
    chosen = _L.id.in_(sa.select(serials.numbered(ids)))
    session().execute(sa.update(_L).where(chosen).values(request_id=None), execution_options=_QUIET)
    books.drop(chosen, now=now)


def _put_off(ids: Sequence[int], attempts: int, number: int, *, now: datetime) -> None:
    """Not enough licences is not the device's fault: it waits for one and for no time."""
    short = number == errors.NOT_ENOUGH
    wait = _RETRIES[min(attempts, len(_RETRIES) - 1)]
    session().execute(
        sa.update(_L)
        .where(_L.id.in_(sa.select(serials.numbered(ids))))
        .values(
            request_id=None,
            error=None if short else errors.words(number),
            error_number=None if short else number,
            attempts=attempts if short else attempts + 1,
            retry_at=None if short else now + wait,
            changed_at=now,
        ),
        execution_options=_QUIET,
    )
    _forget_unwanted(_L.id.in_(sa.select(serials.numbered(ids))))


def _forget_unwanted(which: sa.ColumnElement[bool]) -> None:
    """Rows that say nothing any more."""
    session().execute(
        sa.delete(_L).where(which, ~_L.held, ~_L.wanted, _L.request_id.is_(None)),
        execution_options=_QUIET,
    )


def _book(row: LocationAsset, more: int, *, now: datetime) -> None:
    """So many more are assigned; numbers that cannot be are read anew."""
    row.assigned_count += more
    row.available_count -= more
    if row.available_count < 0 or row.assigned_count < 0 or row.assigned_count > row.total_count:
        row.available_count = max(row.available_count, 0)
        row.assigned_count = max(row.assigned_count, 0)
        row.stale_at = row.stale_at or now
    session().flush()


def _finish(left: Counter[int], *, number: int = 0, now: datetime) -> None:
    """Count down what is left of these requests; one without anything left is done."""
    for request_id in sorted(left):
        request = session().scalar(
            sa.select(_R).where(_R.id == request_id).with_for_update(),
            execution_options={"populate_existing": True},
        )
        if request is None:
            continue
        request.left = max(request.left - left[request_id], 0)
        if number:
            request.error, request.error_number = errors.words(number), number
        if request.left == 0 and request.finished_at is None:
            request.finished_at = now
            request.state = "failed" if request.error else "done"
    session().flush()
    defer("apps_books.tell", once="apps_books.tell")


def _close_empty(request: LicenceRequest, *, now: datetime) -> None:
    """A request whose rows were all settled or forgotten is over."""
    session().refresh(request)
    if request.finished_at is None and not _numbers(request):
        request.left, request.finished_at = 0, now
        request.state = "failed" if request.error else "done"
        session().flush()


def _numbers(request: LicenceRequest) -> Sequence[str]:
    query = sa.select(_L.serial_number).where(_L.request_id == request.id)
    return session().scalars(query.order_by(_L.serial_number)).all()
