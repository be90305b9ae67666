"""Who is to have a licence: noted here at once, asked of Apple by a job, ahead of need.

A row per (asset of a location, serial number) holds what Apple's books say and what we want; the
difference is claimed for orders by `claiming`. A scope and an operator each have a wish of their
own, and a licence is given back when neither has one any more. Nothing here waits for Apple.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from zmdm_plugin.db import insert, session, texts
from zmdm_plugin.errors import NotFound
from zmdm_plugin.models import Licence, LocationAsset
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.queues import defer
from zmdm_plugin.services.apps_books import serials, settling

_L = Licence
_QUIET = {"synchronize_session": False}
_FRESH: Final = timedelta(hours=1)
"""A licence that came no longer ago may have come after its device was last planned."""


def need(location_asset_id: int, serial_numbers: Iterable[str]) -> None:
    """A scope brings the app to these devices; those that hold a licence or wait stay as they
    are."""
    _each(location_asset_id, serial_numbers, "scoped")


def assign(location_asset_id: int, serial_numbers: Iterable[str]) -> None:
    """The same because an operator said so: no scope takes it away again."""
    _each(location_asset_id, serial_numbers, "by_hand")


def release(location_asset_id: int, serial_numbers: Iterable[str]) -> None:
    """No scope brings it to these any more; given back is only what this server assigned."""
    row = settling.hold_asset(location_asset_id)
    for chunk in serials.chunks(serial_numbers):
        _unscope(location_asset_id, chunk, now=utcnow())
    if row is not None:
        _work(row.location_id)


def release_device(serial_number: str) -> None:
    """The same for all that a device has, whoever wished for it: it left for good."""
    for chunk in serials.chunks([serial_number]):
        _unwant(sa.true(), chunk, now=utcnow())


def revoke(location_asset_id: int, serial_numbers: Iterable[str]) -> int:
    """Take licences back because an operator said so, whoever had assigned them.

    Whose scope brings the app keeps it, for it would be assigned again; returns how many do.
    """
    row = _held_asset(location_asset_id)
    keeps = 0
    for chunk in serials.chunks(serial_numbers):
        which = (_L.location_asset_id == location_asset_id, ~_L.scoped)
        _unwant(sa.and_(*which), chunk, now=utcnow(), theirs=True)
        keeps += _by_scope_alone(location_asset_id, chunk)
    _work(row.location_id)
    return keeps


def scoped(location_asset_id: int, which: sa.ColumnElement[bool]) -> int:
    """How many of these have it, or wait for it, because a scope brings the app."""
    query = sa.select(sa.func.count()).where(
        _L.location_asset_id == location_asset_id, _L.scoped, which
    )
    return session().scalar(query) or 0


def _each(location_asset_id: int, serial_numbers: Iterable[str], wish: str) -> None:
    row = _held_asset(location_asset_id)
    for chunk in serials.chunks(serial_numbers):
        _want(location_asset_id, chunk, wish, now=utcnow())
    _work(row.location_id)


def _held_asset(location_asset_id: int) -> LocationAsset:
    """Its licences change under its lock, as everywhere: nobody deadlocks."""
    row = settling.hold_asset(location_asset_id)
    if row is None:
        raise NotFound("the location does not have this app")
    return row


def _work(location_id: int) -> None:
    """Have a job ask Apple; what its wake-up loses, the schedule finds."""
    defer("apps_books.work", location_id, once=f"apps_books.work:{location_id}")


def _want(location_asset_id: int, chunk: Iterable[str], wish: str, *, now: datetime) -> None:
    serial = texts(chunk)
    new = sa.select(
        sa.literal(location_asset_id),
        serial,
        *(sa.literal(value) for value in (False, True, True, False, "assign", True, 0, 0)),
        sa.literal(now, _L.changed_at.type),
    ).where(sa.true())
    columns = (
        *("location_asset_id", "serial_number", "held", "wanted", wish, "ours", "todo", "untold"),
        *("generation", "attempts", "changed_at"),
    )
    wished = getattr(_L, wish)
    fresh = {
        "todo": sa.case((_L.held, None), else_="assign"),
        "untold": sa.or_(~_L.held, _L.changed_at > now - _FRESH),
        "error": sa.null(),
        "error_number": sa.null(),
        "retry_at": sa.null(),
        "attempts": 0,
        "changed_at": now,
    }
    session().execute(
        insert(_L)
        .from_select(columns, new)
        .on_conflict_do_update(
            index_elements=[_L.location_asset_id, _L.serial_number],
            set_={
                wish: True,
                "wanted": True,
                **{
                    name: sa.case((_L.wanted, getattr(_L, name)), else_=value)
                    for name, value in fresh.items()
                },
            },
            where=~wished,
        ),
        execution_options=_QUIET,
    )


def _unwant(
    which: sa.ColumnElement[bool], chunk: Iterable[str], *, now: datetime, theirs: bool = False
) -> None:
    """Rows that nothing is known of any more go; the rest is given back if it is ours."""
    chosen: list[Any] = [which, serials.among(_L.serial_number, chunk)]
    session().execute(
        sa.delete(_L).where(*chosen, ~_L.held, _L.request_id.is_(None)), execution_options=_QUIET
    )
    session().execute(
        sa.update(_L)
        .where(*chosen, sa.or_(_L.wanted, sa.and_(_L.held, sa.literal(theirs))))
        .values(
            wanted=False,
            scoped=False,
            by_hand=False,
            untold=False,
            todo=sa.case(
                (sa.and_(_L.held, sa.or_(_L.ours, sa.literal(theirs))), "revoke"), else_=None
            ),
            changed_at=now,
        ),
        execution_options=_QUIET,
    )


def _unscope(location_asset_id: int, chunk: Iterable[str], *, now: datetime) -> None:
    """What an operator assigned, too, stays; everything else of these is no longer wanted."""
    mine = _L.location_asset_id == location_asset_id
    _unwant(sa.and_(mine, ~_L.by_hand), chunk, now=now)
    session().execute(
        sa.update(_L)
        .where(mine, _L.scoped, serials.among(_L.serial_number, chunk))
        .values(scoped=False),
        execution_options=_QUIET,
    )


def _by_scope_alone(location_asset_id: int, chunk: Iterable[str]) -> int:
    """The operator's own wish for these goes, the scope's stays; how many these are."""
    changed = session().scalars(
        sa.update(_L)
        .where(
            _L.location_asset_id == location_asset_id,
            _L.scoped,
            serials.among(_L.serial_number, chunk),
        )
        .values(by_hand=False)
        .returning(_L.id),
        execution_options=_QUIET,
    )
    return len(changed.all())
