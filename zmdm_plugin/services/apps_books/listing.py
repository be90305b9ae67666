"""Locations, assets and licences as programs and people look at them: filtered, in pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import NotFound
from zmdm_plugin.models import Asset, Device, Licence, LicenceRequest, Location, LocationAsset
from zmdm_plugin.services.keyset import DEFAULT_LIMIT, MAX_ID, Keyset, Page

LOCATIONS: Final = Keyset(Location.id, {"name": Location.name})
ASSETS: Final = Keyset(Asset.id, {"name": Asset.name})
LOCATION_ASSETS: Final = Keyset(LocationAsset.id, {})
LICENCES: Final = Keyset(Licence.id, {})
STATES: Final = ("assigned", "waiting", "refused")
_L = Licence


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A licence with the device that it is for, if that is known here."""

    licence: Licence
    device_id: int | None
    device_name: str | None

    @property
    def state(self) -> str:
        """assigned | waiting | refused"""
        if self.licence.held:
            return "assigned"
        return "refused" if self.licence.error else "waiting"


def locations(
    *,
    ordering: str = "id",
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
    **equal: str,
) -> Page[Location]:
    """A page of locations with this `name` and `organization_name`."""
    query = sa.select(Location).where(*_equal(Location, equal))
    return LOCATIONS.entities(query, ordering=ordering, cursor=cursor, limit=limit)


def assets(
    *,
    search: str | None = None,
    short: bool | None = None,
    ordering: str = "id",
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
    **equal: str,
) -> Page[Asset]:
    """A page of assets that a location has; `search` looks in names, short for those of which
    devices wait."""
    query = sa.select(Asset).where(*_equal(Asset, equal))
    if search:
        pattern = search.lower().replace("/", "//").replace("%", "/%").replace("_", "/_")
        query = query.where(sa.func.lower(Asset.name).like(f"%{pattern}%", escape="/"))
    if short is not None:
        waits = (
            sa.exists()
            .where(LocationAsset.asset_id == Asset.id, LocationAsset.short_at.is_not(None))
            .correlate(Asset)
        )
        query = query.where(waits if short else ~waits)
    return ASSETS.entities(query, ordering=ordering, cursor=cursor, limit=limit)


def location_assets(
    *,
    adam_id: str | None = None,
    pricing_param: str | None = None,
    location_id: int | None = None,
    ordering: str = "id",
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[LocationAsset]:
    """A page of what locations have."""
    query = sa.select(LocationAsset)
    named = {"adam_id": adam_id, "pricing_param": pricing_param}
    if any(named.values()):
        query = query.join(Asset, Asset.id == LocationAsset.asset_id)
        query = query.where(*_equal(Asset, {k: v for k, v in named.items() if v is not None}))
    if location_id is not None:
        query = query.where(LocationAsset.location_id == location_id)
    return LOCATION_ASSETS.entities(query, ordering=ordering, cursor=cursor, limit=limit)


def licences(
    location_asset_id: int,
    *,
    serial_number: str | None = None,
    state: str | None = None,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Held]:
    """A page of who holds or waits for a licence, in the order in which they came."""
    query = sa.select(Licence).where(_L.location_asset_id == location_asset_id)
    if serial_number:
        query = query.where(_L.serial_number == serial_number)
    if state == "assigned":
        query = query.where(_L.held)
    elif state == "waiting":
        query = query.where(~_L.held, _L.error.is_(None))
    elif state == "refused":
        query = query.where(~_L.held, _L.error.is_not(None))
    page = LICENCES.entities(query, ordering="id", cursor=cursor, limit=limit)
    known = _devices(row.serial_number for row in page.items)
    return page.map(lambda row: _held(row, known))


def _held(row: Licence, known: Mapping[str, tuple[int, str | None]]) -> Held:
    device_id, name = known.get(row.serial_number, (None, None))
    return Held(licence=row, device_id=device_id, device_name=name)


def find_asset(asset_id: int) -> Asset:
    """NotFound if there is none."""
    row = session().get(Asset, asset_id) if 0 < asset_id <= MAX_ID else None
    if row is None:
        raise NotFound("there is no such asset")
    return row


def find_location_asset(location_asset_id: int) -> LocationAsset:
    """NotFound if there is none."""
    row = (
        session().get(LocationAsset, location_asset_id) if 0 < location_asset_id <= MAX_ID else None
    )
    if row is None:
        raise NotFound("there is no such asset of a location")
    return row


def of_assets(asset_ids: Iterable[int]) -> Mapping[int, list[tuple[LocationAsset, str]]]:
    """What locations have of these, with the names of the locations, in one statement."""
    query = (
        sa.select(LocationAsset, Location.name)
        .join(Location, Location.id == LocationAsset.location_id)
        .where(LocationAsset.asset_id.in_(list(asset_ids)))
        .order_by(Location.name, LocationAsset.id)
    )
    found: dict[int, list[tuple[LocationAsset, str]]] = {}
    for row, name in session().execute(query):
        found.setdefault(row.asset_id, []).append((row, name))
    return found


def waiting(location_asset_ids: Iterable[int]) -> Mapping[int, int]:
    """How many devices wait for a licence of these."""
    query = (
        sa.select(_L.location_asset_id, sa.func.count())
        .where(_L.location_asset_id.in_(list(location_asset_ids)), _L.todo == "assign")
        .group_by(_L.location_asset_id)
    )
    return {row_id: count for row_id, count in session().execute(query)}


def totals(location_ids: Iterable[int]) -> Mapping[int, tuple[int, int, int]]:
    """(apps and books, licences, assets that are short) of each location."""
    row = LocationAsset
    query = (
        sa.select(
            row.location_id,
            sa.func.count(),
            sa.func.coalesce(sa.func.sum(row.total_count), 0),
            sa.func.count(row.short_at),
        )
        .where(row.location_id.in_(list(location_ids)), row.withdrawn_at.is_(None))
        .group_by(row.location_id)
    )
    return {one: (apps, int(total), short) for one, apps, total, short in session().execute(query)}


def open_requests(location_asset_id: int) -> list[LicenceRequest]:
    """Orders of this asset that are not over, and the last ones that failed."""
    query = (
        sa.select(LicenceRequest)
        .where(
            LicenceRequest.location_asset_id == location_asset_id,
            sa.or_(LicenceRequest.finished_at.is_(None), LicenceRequest.error.is_not(None)),
        )
        .order_by(LicenceRequest.id.desc())
        .limit(10)
    )
    return list(session().scalars(query))


def _devices(serials: Iterable[str]) -> dict[str, tuple[int, str | None]]:
    query = sa.select(Device.serial_number, Device.id, Device.name).where(
        Device.serial_number.in_(list(serials))
    )
    return {serial: (row_id, name) for serial, row_id, name in session().execute(query) if serial}


def _equal(model: Any, wanted: Mapping[str, Any]) -> list[sa.ColumnElement[bool]]:
    return [getattr(model, name) == value for name, value in wanted.items()]
