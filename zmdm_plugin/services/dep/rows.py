"""Apple's words about devices as rows: a page of them in a handful of statements.

Whoever calls holds the lock of the service's row: sync, assignment and operators take turns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from zmdm_plugin.clients.dep_values import DepDevice as Told
from zmdm_plugin.db import any_of, array, insert_many, is_postgresql, session
from zmdm_plugin.models import DepDevice
from zmdm_plugin.models.base import new_uid
from zmdm_plugin.services import events
from zmdm_plugin.services.events import Fact

DELETED: Final = "deleted"
_TEXTS: Final = (
    "model",
    "description",
    "asset_tag",
    "color",
    "device_family",
    "os",
    "device_assigned_by",
)
_FACTS: Final = (*_TEXTS, "device_assigned_date", "mdm_migration_deadline", "more")
_PROFILE: Final = ("profile_status", "profile_uuid", "profile_assign_time", "profile_push_time")
_STATE: Final = ("op_type", "op_date", "deleted_at", "disowned_at", "next_try_at")
_MORE: Final = (
    "imei",
    "meid",
    "eid",
    "bluetooth_mac_address",
    "ethernet_mac_address",
    "wifi_mac_address",
    "is_replacement_device",
    "released_by_replacement",
)
_LONGEST: Final[dict[str, int]] = {
    name: getattr(DepDevice.__table__.c[name].type, "length", 0)
    for name in (*_TEXTS, "serial_number", "op_type", "profile_status", "profile_uuid")
}
_KEPT: Final = tuple(
    getattr(DepDevice, name) for name in ("id", "serial_number", *_FACTS, *_PROFILE, *_STATE)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Who tells and when Apple was asked; `fetch` is the number of the fetch, if it is one."""

    server_id: int
    server_name: str
    asked_at: datetime
    now: datetime
    fetch: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What came of a page."""

    new: int
    changed: int
    deleted: int


@dataclass(slots=True)
class _Work:
    telling: Telling
    inserts: list[dict[str, Any]] = field(default_factory=list)
    updates: list[dict[str, Any]] = field(default_factory=list)
    same: list[int] = field(default_factory=list)
    events: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)


def write(telling: Telling, devices: Sequence[Told]) -> Came:
    """Take in a page: of several operations on a device the newest counts, an event per change."""
    told = _newest(devices)
    rows = session().execute(_known(telling.server_id, list(told)))
    kept = {row.serial_number: row._mapping for row in rows}
    work = _Work(telling)
    for serial, one in told.items():
        row = kept.get(serial)
        if row is None:
            _add(work, serial, one)
        else:
            _compare(work, row, one)
    _execute(work)
    note(work.events, telling)
    kinds = [kind for kind, _, _ in work.events]
    return Came(
        new=len(work.inserts),
        changed=sum(kind in ("dep_device.changed", "dep_device.returned") for kind in kinds),
        deleted=kinds.count("dep_device.deleted"),
    )


def _known(server_id: int, serials: list[str]) -> sa.Select[Any]:
    here, serial = DepDevice.server_id == server_id, DepDevice.serial_number
    if not is_postgresql():
        return sa.select(*_KEPT).where(here, serial.in_(serials))
    # One look into the unique index for each. Statistics lag behind a first synchronization, and
    # by them PostgreSQL would read all devices of the service for every page.
    unnested = sa.func.unnest(array(serials, like=serial)).table_valued("serial")
    wanted = unnested.render_derived(name="wanted")
    one = sa.select(*_KEPT).where(here, serial == wanted.c.serial).offset(0).lateral("one")
    return sa.select(*one.c).select_from(wanted).join(one, sa.true())


def note(found: Sequence[tuple[str, str, Mapping[str, Any]]], telling: Telling) -> None:
    """Events by (kind, serial number, more), on the timeline of the enrolled device if any is."""
    server = {"server": telling.server_id, "server_name": telling.server_name}
    events.record_by_serial(
        [
            Fact(kind, None, {"serial_number": serial, **server, **more})
            for kind, serial, more in found
        ]
    )


def _newest(devices: Sequence[Told]) -> dict[str, Told]:
    """By serial number; a later one of the same second counts."""
    found: dict[str, Told] = {}
    for one in devices:
        serial = one.serial_number[: _LONGEST["serial_number"]]
        former = found.get(serial)
        if former is None or _not_older(one.op_date, former.op_date):
            found[serial] = one
    return found


def _not_older(moment: datetime | None, other: datetime | None) -> bool:
    return moment is None or other is None or moment >= other


def _add(work: _Work, serial: str, told: Told) -> None:
    if told.op_type == DELETED:
        return
    telling = work.telling
    work.inserts.append(
        {
            "uid": new_uid(),
            "server_id": telling.server_id,
            "serial_number": serial,
            **facts(told),
            **profile(told),
            "op_type": told.op_type[: _LONGEST["op_type"]],
            "op_date": told.op_date,
            "assignment": "none",
            "attempts": 0,
            "fetch_number": telling.fetch or 0,
            "seen_at": telling.now,
            "created_at": telling.now,
            "updated_at": telling.now,
        }
    )
    work.events.append(("dep_device.added", serial, {}))


def _compare(work: _Work, row: Mapping[Any, Any], told: Told) -> None:
    telling = work.telling
    said_at = told.op_date or telling.asked_at
    late = row["disowned_at"] is not None and said_at <= row["disowned_at"]
    if late or not _not_older(told.op_date, row["op_date"]):
        work.same.append(row["id"])
        return
    if told.op_type == DELETED:
        after, kind = _gone(row, told, telling.now), "dep_device.deleted"
    else:
        after, kind = _here(row, told), "dep_device.changed"
    before = {name: row[name] for name in after}
    if after == before:
        work.same.append(row["id"])
        return
    work.updates.append(
        {
            "id": row["id"],
            **after,
            "seen_at": telling.now,
            "updated_at": telling.now,
            **({} if telling.fetch is None else {"fetch_number": telling.fetch}),
        }
    )
    if kind == "dep_device.deleted" and row["deleted_at"] is not None:
        return
    if kind == "dep_device.changed" and (row["deleted_at"] or row["disowned_at"]):
        kind = "dep_device.returned"
    changes = _changes(before, after)
    if changes or kind != "dep_device.changed":
        work.events.append((kind, row["serial_number"], {"changes": changes} if changes else {}))


def _gone(row: Mapping[Any, Any], told: Told, now: datetime) -> dict[str, Any]:
    """Apple leaves out what it does not care to say of a device that goes: that stays."""
    more = dict(row["more"] or {})
    if told.released_by_replacement is not None:
        more["released_by_replacement"] = told.released_by_replacement
    return {
        **{name: row[name] for name in (*_FACTS, *_PROFILE)},
        "more": more or None,
        "op_type": DELETED,
        "op_date": told.op_date or row["op_date"],
        "deleted_at": row["deleted_at"] or now,
        "disowned_at": row["disowned_at"],
        "next_try_at": None,
    }


def _here(row: Mapping[Any, Any], told: Told) -> dict[str, Any]:
    """Also what was said before our last assignment: at worst it is made once more."""
    op_type = told.op_type[: _LONGEST["op_type"]] or row["op_type"]
    return {
        **facts(told),
        **profile(told),
        "op_type": "" if op_type == DELETED else op_type,
        "op_date": told.op_date or row["op_date"],
        "deleted_at": None,
        "disowned_at": None,
        "next_try_at": row["next_try_at"],
    }


def facts(told: Told) -> dict[str, Any]:
    """What a device is; what Apple leaves out is empty."""
    more = dict(told.more)
    for name in _MORE:
        if (value := getattr(told, name)) not in ("", (), None):
            more[name] = list(value) if isinstance(value, tuple) else value
    return {
        **{name: getattr(told, name)[: _LONGEST[name]] for name in _TEXTS},
        "device_assigned_date": told.device_assigned_date,
        "mdm_migration_deadline": told.mdm_migration_deadline,
        "more": more or None,
    }


def profile(told: Told) -> dict[str, Any]:
    """Which enrollment profile Apple says that it has."""
    return {
        "profile_status": told.profile_status[: _LONGEST["profile_status"]] or "empty",
        "profile_uuid": wire_uuid(told.profile_uuid),
        "profile_assign_time": told.profile_assign_time,
        "profile_push_time": told.profile_push_time,
    }


def wire_uuid(text: str) -> str:
    """A profile's UUID as we compare it: upper hex without dashes."""
    return text.replace("-", "").upper()[: _LONGEST["profile_uuid"]]


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Of what people read: [before, after]."""
    shown = (*_TEXTS, "device_assigned_date", "mdm_migration_deadline", *_PROFILE)
    return {
        name: [_plain(before[name]), _plain(after[name])]
        for name in shown
        if before[name] != after[name]
    }


def _plain(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def _execute(work: _Work) -> None:
    insert_many(DepDevice, work.inserts)
    if work.updates:
        session().execute(sa.update(DepDevice), work.updates)
    if work.same:
        values: dict[str, Any] = {"seen_at": work.telling.now}
        if work.telling.fetch is not None:
            values["fetch_number"] = work.telling.fetch
        session().execute(
            # The row did not change, so its own date does not either.
            sa.update(DepDevice)
            .where(any_of(DepDevice.id, work.same))
            .values(**values, updated_at=DepDevice.updated_at),
            execution_options={"synchronize_session": False},
        )
