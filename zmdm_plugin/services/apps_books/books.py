"""Apple's books, taken in page by page: assets with their numbers, and who holds licences.

Everything is one statement per asset and page. A full reading marks what it meets with its
generation; what it has not met is gone, unless it changed while the reading went on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.clients.apps_books_values import AssignmentPage, Counts
from zmdm_plugin.db import insert, session, texts
from zmdm_plugin.models import Asset, Licence, LicenceRequest, LocationAsset
from zmdm_plugin.models.base import new_uid

SWEPT = 5000
"""Rows that one step of a sweep looks at."""
_L = Licence
_QUIET = {"synchronize_session": False}
_Key = tuple[str, str]


def store_assets(
    location_id: int, listed: Sequence[Counts], *, generation: int, now: datetime
) -> int:
    """Take in a page of assets; how many are new to the location."""
    if not listed:
        return 0
    _upsert_assets(listed, now)
    ids = asset_ids([(one.adam_id, one.pricing_param) for one in listed])
    query = sa.select(LocationAsset).where(
        LocationAsset.location_id == location_id, LocationAsset.asset_id.in_(ids.values())
    )
    known = {row.asset_id: row for row in session().scalars(query.with_for_update())}
    busy = _with_open_requests(known.values())
    for one in listed:
        asset_id = ids[one.adam_id, one.pricing_param]
        row = known.get(asset_id)
        if row is None:
            row = LocationAsset(location_id=location_id, asset_id=asset_id, reserved_count=0)
            session().add(row)
        _count(row, one)
        row.generation, row.withdrawn_at = generation, None
        # Our own orders on their way may or may not be in these numbers: read once more after.
        row.stale_at = (row.stale_at or now) if row.id in busy else None
    session().flush()
    return len(listed) - len(known)


def _count(row: LocationAsset, one: Counts) -> None:
    row.assigned_count, row.available_count = one.assigned, one.available
    row.retired_count, row.total_count = one.retired, one.total


def _with_open_requests(rows: Iterable[LocationAsset]) -> set[int]:
    ids = [row.id for row in rows]
    query = sa.select(LicenceRequest.location_asset_id).where(
        LicenceRequest.location_asset_id.in_(ids), LicenceRequest.finished_at.is_(None)
    )
    return set(session().scalars(query.distinct())) if ids else set()


def _upsert_assets(listed: Sequence[Counts], now: datetime) -> None:
    facts = ("product_type", "device_assignable", "revocable", "supported_platforms")
    rows = [
        {
            "uid": new_uid(),
            "created_at": now,
            "updated_at": now,
            "metadata_due_at": now,
            "adam_id": one.adam_id,
            "pricing_param": one.pricing_param,
            "product_type": one.product_type,
            "device_assignable": one.device_assignable,
            "revocable": one.revocable,
            "supported_platforms": list(one.platforms),
        }
        for one in sorted(listed, key=lambda one: (one.adam_id, one.pricing_param))
    ]
    new = insert(Asset)
    session().execute(
        new.on_conflict_do_update(
            index_elements=[Asset.adam_id, Asset.pricing_param],
            set_={name: new.excluded[name] for name in (*facts, "updated_at")},
        ),
        rows,
        execution_options=_QUIET,
    )


def asset_ids(keys: Iterable[_Key]) -> dict[_Key, int]:
    """The rows of these assets."""
    wanted = set(keys)
    query = sa.select(Asset.adam_id, Asset.pricing_param, Asset.id).where(
        Asset.adam_id.in_({adam_id for adam_id, _ in wanted})
    )
    found = session().execute(query)
    return {(one, two): row_id for one, two, row_id in found if (one, two) in wanted}


def of_location(location_id: int, keys: Iterable[_Key]) -> dict[_Key, int]:
    """The location's rows of these assets."""
    wanted = set(keys)
    query = (
        sa.select(Asset.adam_id, Asset.pricing_param, LocationAsset.id)
        .join(LocationAsset, LocationAsset.asset_id == Asset.id)
        .where(
            LocationAsset.location_id == location_id,
            Asset.adam_id.in_({adam_id for adam_id, _ in wanted}),
        )
    )
    found = session().execute(query)
    return {(one, two): row_id for one, two, row_id in found if (one, two) in wanted}


def withdraw(location_id: int, *, generation: int, now: datetime) -> int:
    """Assets that a full reading has not met are no longer the location's."""
    gone = session().scalars(
        sa.update(LocationAsset)
        .where(
            LocationAsset.location_id == location_id,
            LocationAsset.generation < generation,
            LocationAsset.withdrawn_at.is_(None),
        )
        .values(
            withdrawn_at=now,
            assigned_count=0,
            available_count=0,
            retired_count=0,
            total_count=0,
            updated_at=now,
        )
        .returning(LocationAsset.id),
        execution_options=_QUIET,
    )
    return len(gone.all())


def store_assignments(
    location_id: int, page: AssignmentPage, *, generation: int, now: datetime
) -> tuple[int, set[_Key]]:
    """Take in a page of licences: how many, and those whose asset is not known here."""
    rows = of_location(location_id, (*page.devices, *page.users))
    stored = 0
    for key in sorted(page.devices.keys() & rows.keys()):
        hold(rows[key], page.devices[key], generation=generation, now=now)
        stored += len(page.devices[key])
    return stored, (page.devices.keys() | page.users.keys()) - rows.keys()


def hold(
    location_asset_id: int, numbers: Sequence[str], *, generation: int | None, now: datetime
) -> int:
    """Apple's books say that these have licences; returns how many we had not known of.

    What an order of ours is on its way for is left to that order: it is ours once it is settled.
    """
    serial = texts(sorted(set(numbers)))
    values = (True, False, False, False, generation or 0, 0)
    new = sa.select(
        sa.literal(location_asset_id),
        serial,
        *(sa.literal(value) for value in values),
        sa.literal(now, _L.changed_at.type),
    ).where(sa.true())
    columns = (
        *("location_asset_id", "serial_number", "held", "wanted", "ours", "untold"),
        *("generation", "attempts", "changed_at"),
    )
    seen = {} if generation is None else {"generation": generation}
    missing = sa.and_(~_L.held, _L.request_id.is_(None))
    made = (
        insert(_L)
        .from_select(columns, new)
        .on_conflict_do_update(
            index_elements=[_L.location_asset_id, _L.serial_number],
            set_={
                **seen,
                "held": sa.or_(_L.held, missing),
                "todo": sa.case((missing, None), else_=_L.todo),
                "error": sa.case((missing, None), else_=_L.error),
                "changed_at": sa.case((missing, now), else_=_L.changed_at),
            },
            where=missing if generation is None else None,
        )
    )
    if generation is not None:
        session().execute(made, execution_options=_QUIET)
        return 0
    return len(session().scalars(made.returning(_L.id), execution_options=_QUIET).all())


def sweep(
    location_asset_ids: sa.ColumnElement[bool], *, generation: int, since: datetime, after: int
) -> tuple[int, int | None]:
    """One chunk of the licences that a full reading has not met: they are held no more.

    Returns how many, and the id to go on after, None at the end. What changed while the reading
    went on is left alone: it may be newer than what was read.
    """
    ids = (
        session()
        .scalars(
            sa.select(_L.id)
            .where(
                location_asset_ids,
                _L.id > after,
                _L.held,
                _L.generation < generation,
                _L.changed_at < since,
                _L.request_id.is_(None),
            )
            .order_by(_L.id)
            .limit(SWEPT)
            .with_for_update()
        )
        .all()
    )
    drop(_L.id.in_(ids), now=since)
    return len(ids), ids[-1] if len(ids) == SWEPT else None


def drop(which: sa.ColumnElement[bool], *, now: datetime) -> None:
    """These hold no licence any more: asked for anew if they are wanted, else forgotten."""
    session().execute(
        sa.delete(_L).where(which, ~_L.wanted, _L.request_id.is_(None)), execution_options=_QUIET
    )
    session().execute(
        sa.update(_L)
        .where(which)
        .values(
            held=False,
            ours=False,
            todo=sa.case((_L.wanted, "assign"), else_=None),
            untold=_L.wanted,
            changed_at=now,
        ),
        execution_options=_QUIET,
    )


def held_counts(location_id: int) -> Mapping[int, int]:
    """How many devices hold each asset, as we know it."""
    query = (
        sa.select(_L.location_asset_id, sa.func.count())
        .join(LocationAsset, LocationAsset.id == _L.location_asset_id)
        .where(LocationAsset.location_id == location_id, _L.held)
        .group_by(_L.location_asset_id)
    )
    return {row_id: count for row_id, count in session().execute(query)}


def mark_inconsistent(location_id: int, *, now: datetime) -> int:
    """Assets whose numbers and licences do not agree are read anew, each by itself."""
    held = held_counts(location_id)
    query = sa.select(LocationAsset).where(
        LocationAsset.location_id == location_id, LocationAsset.withdrawn_at.is_(None)
    )
    found = 0
    for row in session().scalars(query):
        if held.get(row.id, 0) + row.user_count != row.assigned_count:
            row.stale_at = row.stale_at or now
            found += 1
    session().flush()
    return found


def keep_user_counts(
    location_id: int, counts: Mapping[str, Any], only: sa.ColumnElement[bool]
) -> None:
    """How many licences people have, by `adam_id|pricing_param`, as a full reading has met them."""
    keys = [tuple(key.split("|", 1)) for key in counts]
    rows = of_location(location_id, [(one[0], one[1]) for one in keys])
    session().execute(
        sa.update(LocationAsset)
        .where(LocationAsset.location_id == location_id, only, LocationAsset.user_count != 0)
        .values(user_count=0),
        execution_options=_QUIET,
    )
    for (adam_id, pricing), row_id in rows.items():
        session().execute(
            sa.update(LocationAsset)
            .where(LocationAsset.id == row_id)
            .values(user_count=counts[f"{adam_id}|{pricing}"]),
            execution_options=_QUIET,
        )
