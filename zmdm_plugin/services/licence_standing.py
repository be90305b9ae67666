"""How it stands with the licences of a device, in words: assigned, or what they wait for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import Asset, DepDevice, Licence, Location, LocationAsset
from zmdm_plugin.models.base import utcnow

State = Literal["assigned", "waiting", "short", "refused", "unknown"]
_L = Licence
_NO_SERIAL = "it waits for a licence: the device has not told its serial number"
_NEVER = (
    "it gets no licence: those go by serial number, which a person's own device does not tell (user"
    " enrollment)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Whether a device has its licence, and what it waits for, in words."""

    state: State
    why: str
    since: datetime | None = None
    asked: bool = True
    """False while nobody wants it and nobody has it."""


def standing(location_asset_id: int, serial_number: str) -> Standing:
    """How it stands with the licence of one device."""
    return of(serial_number, [location_asset_id])[location_asset_id]


def of(serial_number: str, location_asset_ids: Collection[int]) -> Mapping[int, Standing]:
    """The same for some assets of locations, by their ids; one statement."""
    rows = session().execute(
        sa.select(LocationAsset, Location, Asset, _L)
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
        .where(LocationAsset.id.in_(location_asset_ids))
    )
    gone = Standing(state="unknown", why="the location no longer has this app")
    found = {
        row.id: _of_row(row, location, asset, licence) for row, location, asset, licence in rows
    }
    return {one: found.get(one, gone) for one in location_asset_ids}


def missing(
    serial_number: str | None, location_asset_ids: Collection[int], *, personal: bool = False
) -> Mapping[int, str]:
    """By asset, what a device that is to have these apps waits for; those that are there are not
    in it. One statement while none is missing. `personal`: a person's own, by user enrollment."""
    if not location_asset_ids:
        return {}
    if not serial_number:
        return dict.fromkeys(location_asset_ids, _NEVER if personal else _NO_SERIAL)
    held = session().scalars(
        sa.select(_L.location_asset_id).where(
            _L.serial_number == serial_number,
            _L.location_asset_id.in_(location_asset_ids),
            _L.held,
        )
    )
    lacking = set(location_asset_ids).difference(held)
    if not lacking:
        return {}
    found = of(serial_number, lacking)
    return {
        one: f"it waits for a licence: {told.why if told.asked else _unasked(serial_number)}"
        for one, told in found.items()
    }


def _unasked(serial_number: str) -> str:
    """Nobody has asked for it: the walk over the scope's devices has not come by, or never does."""
    query = sa.select(DepDevice.disowned_at, DepDevice.deleted_at).where(
        DepDevice.serial_number == serial_number
    )
    rows = session().execute(query).all()
    if rows and all(row.disowned_at or row.deleted_at for row in rows):
        if any(row.disowned_at for row in rows):
            return "the device was disowned, and gets none"
    return "a job is about to note that the device needs one"


def _of_row(
    of_location: LocationAsset, location: Location, asset: Asset, licence: Licence | None
) -> Standing:
    if licence is None or not (licence.held or licence.wanted):
        return Standing(state="unknown", why="no licence was asked for", asked=False)
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
