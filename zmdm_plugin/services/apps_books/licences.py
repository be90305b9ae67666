"""Who is to have a licence: noted here at once, asked of Apple by a job, ahead of need.

A row per (asset of a location, serial number) holds what Apple's books say and what we want; the
difference is worked off by `ordering`. Nothing here waits for Apple, so a planner may call it
inside of a device's request.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from zmdm_plugin.db import insert, session
from zmdm_plugin.errors import NotFound
from zmdm_plugin.models import Asset, Licence, Location, LocationAsset
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.queues import defer
from zmdm_plugin.services.apps_books import serials

State = Literal["assigned", "waiting", "short", "refused", "unknown"]
_L = Licence
_QUIET = {"synchronize_session": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Whether a device has its licence, and what it waits for, in words."""

    state: State
    why: str
    since: datetime | None = None


def need(location_asset_id: int, serial_numbers: Iterable[str]) -> None:
    """These devices are to have a licence; those that hold one or wait already stay as they are."""
    _work(_location_of(location_asset_id))
    for chunk in serials.chunks(serial_numbers):
        _want(location_asset_id, chunk, now=utcnow())


def release(location_asset_id: int, serial_numbers: Iterable[str]) -> None:
    """These devices need no licence any more; given back is only what this server assigned."""
    for chunk in serials.chunks(serial_numbers):
        _unwant(_L.location_asset_id == location_asset_id, chunk, now=utcnow())
    if (row := session().get(LocationAsset, location_asset_id)) is not None:
        _work(row.location_id)


def release_device(serial_number: str) -> None:
    """The same for all that a device has: it left for good."""
    for chunk in serials.chunks([serial_number]):
        _unwant(sa.true(), chunk, now=utcnow())


def revoke(location_asset_id: int, serial_numbers: Iterable[str]) -> None:
    """Take licences back because an operator said so, whoever had assigned them."""
    for chunk in serials.chunks(serial_numbers):
        _unwant(_L.location_asset_id == location_asset_id, chunk, now=utcnow(), theirs=True)
    _work(_location_of(location_asset_id))


def standing(location_asset_id: int, serial_number: str) -> Standing:
    """How it stands with the licence of one device."""
    row = session().execute(
        sa.select(_L, LocationAsset, Location, Asset)
        .select_from(LocationAsset)
        .join(Location, Location.id == LocationAsset.location_id)
        .join(Asset, Asset.id == LocationAsset.asset_id)
        .outerjoin(
            _L,
            sa.and_(
                _L.location_asset_id == LocationAsset.id,
                _L.serial_number == serial_number,
            ),
        )
        .where(LocationAsset.id == location_asset_id)
    )
    found = row.one_or_none()
    if found is None:
        return Standing(state="unknown", why="the location no longer has this app")
    licence, of_location, location, asset = found
    if licence is None or not (licence.held or licence.wanted):
        return Standing(state="unknown", why="no licence was asked for")
    if licence.held:
        return _held(licence)
    return _missing(licence, of_location, location, asset.name or asset.adam_id)


def _held(licence: Licence) -> Standing:
    by = "this server" if licence.ours else "somebody else"
    return Standing(state="assigned", why=f"assigned by {by}", since=licence.changed_at)


def _missing(
    licence: Licence, of_location: LocationAsset, location: Location, name: str
) -> Standing:
    """Why a licence that is wanted is not there, the likeliest obstacle first."""
    since = licence.changed_at
    if location.lost_at is not None:
        why = f"another server manages the location {location.name}: take it back"
        return Standing(state="waiting", why=why, since=location.lost_at)
    if location.server_token_expiration_date <= utcnow():
        why = f"the content token of {location.name} has expired: renew it"
        return Standing(state="waiting", why=why, since=location.server_token_expiration_date)
    if licence.request_id is not None:
        return Standing(state="waiting", why="Apple is assigning the licence", since=since)
    if licence.error is not None:
        again = f"; asked again {licence.retry_at:%Y-%m-%d %H:%M} UTC" if licence.retry_at else ""
        return Standing(state="refused", why=licence.error + again, since=since)
    if of_location.short_at is not None:
        why = f"all {of_location.total_count} licences of {name} are assigned: buy more"
        return Standing(state="short", why=why, since=of_location.short_at)
    return Standing(state="waiting", why="a job is about to ask Apple for the licence", since=since)


def _location_of(location_asset_id: int) -> int:
    row = session().get(LocationAsset, location_asset_id)
    if row is None:
        raise NotFound("the location does not have this app")
    return row.location_id


def _work(location_id: int) -> None:
    """Have a job ask Apple; what its wake-up loses, the schedule finds."""
    defer("apps_books.work", location_id, once=f"apps_books.work:{location_id}")


def _want(location_asset_id: int, chunk: Iterable[str], *, now: datetime) -> None:
    serial = serials.listed(chunk)
    new = sa.select(
        sa.literal(location_asset_id),
        serial,
        *(sa.literal(value) for value in (False, True, False, "assign", True, 0, 0)),
        sa.literal(now, _L.changed_at.type),
    ).where(sa.true())
    columns = (
        *("location_asset_id", "serial_number", "held", "wanted", "ours", "todo", "untold"),
        *("generation", "attempts", "changed_at"),
    )
    session().execute(
        insert(_L)
        .from_select(columns, new)
        .on_conflict_do_update(
            index_elements=[_L.location_asset_id, _L.serial_number],
            set_={
                "wanted": True,
                "todo": sa.case((_L.held, None), else_="assign"),
                "untold": ~_L.held,
                "error": None,
                "error_number": None,
                "retry_at": None,
                "attempts": 0,
                "changed_at": now,
            },
            where=~_L.wanted,
        ),
        execution_options=_QUIET,
    )


def _unwant(
    which: sa.ColumnElement[bool], chunk: Iterable[str], *, now: datetime, theirs: bool = False
) -> None:
    """Rows that nothing is known of any more go; the rest is given back if it is ours."""
    chosen: list[Any] = [which, _L.serial_number.in_(sa.select(serials.listed(chunk)))]
    session().execute(
        sa.delete(_L).where(*chosen, ~_L.held, _L.request_id.is_(None)), execution_options=_QUIET
    )
    session().execute(
        sa.update(_L)
        .where(*chosen, sa.or_(_L.wanted, sa.and_(_L.held, sa.literal(theirs))))
        .values(
            wanted=False,
            untold=False,
            todo=sa.case(
                (sa.and_(_L.held, sa.or_(_L.ours, sa.literal(theirs))), "revoke"), else_=None
            ),
            changed_at=now,
        ),
        execution_options=_QUIET,
    )
