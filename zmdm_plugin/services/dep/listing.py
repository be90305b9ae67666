"""Virtual servers and DEP devices as programs and people look at them: filtered, in pages."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.errors import NotFound, Refused
from zmdm_plugin.models import AdeProfile, DepDevice, DepVirtualServer, Device, Enrollment
from zmdm_plugin.services import access
from zmdm_plugin.services.dep.rows import wire_uuid
from zmdm_plugin.services.keyset import DEFAULT_LIMIT, MAX_ID, Keyset, Page

SERVERS = Keyset(
    DepVirtualServer.id, {"name": DepVirtualServer.name, "created_at": DepVirtualServer.created_at}
)
DEVICES = Keyset(
    DepDevice.id,
    {
        "created_at": DepDevice.created_at,
        "last_op_date": DepDevice.op_date,
        "updated_at": DepDevice.updated_at,
        "serial_number": DepDevice.serial_number,
    },
)
FAMILIES = ("AppleTV", "iPad", "iPhone", "iPod", "Mac", "Vision")
STATUSES = ("empty", "assigned", "pushed", "removed")
ASSIGNMENTS = (
    "none",
    "waiting",
    "pending",
    "assigned",
    "removed",
    "failed",
    "not_accessible",
    "throttled",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DepFilter:
    """Which DEP devices; None: whatever it is. A long job keeps it as JSON."""

    virtual_server: int | None = None
    enrollment: int | None = None
    device_family: str | None = None
    profile_status: str | None = None
    profile_uuid: str | None = None
    serial_number: str | None = None
    assignment: str | None = None
    op_type: str | None = None
    deleted: bool | None = None
    """Apple reports it no more, or it was disowned."""
    search: str | None = None
    """Part of the serial number, the description or the asset tag."""

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """SQL conditions on zmdm_dep_device."""
        uuid = None if self.profile_uuid is None else wire_uuid(self.profile_uuid)
        asked: dict[Any, Any] = {
            DepDevice.server_id: self.virtual_server,
            DepDevice.enrollment_id: self.enrollment,
            DepDevice.device_family: self.device_family,
            DepDevice.profile_status: self.profile_status,
            DepDevice.profile_uuid: uuid,
            DepDevice.serial_number: self.serial_number,
            DepDevice.assignment: self.assignment,
            DepDevice.op_type: self.op_type,
        }
        found = [column == value for column, value in asked.items() if value is not None]
        if self.deleted is not None:
            live = sa.and_(DepDevice.deleted_at.is_(None), DepDevice.disowned_at.is_(None))
            found.append(sa.not_(live) if self.deleted else live)
        if self.search:
            columns = (DepDevice.serial_number, DepDevice.description, DepDevice.asset_tag)
            found.append(
                sa.or_(*(column.icontains(self.search, autoescape=True) for column in columns))
            )
        return found

    def as_json(self) -> dict[str, Any]:
        """What a run keeps."""
        given = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        return {name: value for name, value in given.items() if value is not None}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> DepFilter:
        """Refused if nobody could have chosen that."""
        kinds = {item.name: str(item.type).split(" ")[0] for item in dataclasses.fields(cls)}
        for name, value in kept.items():
            if kinds.get(name) != type(value).__name__:
                raise Refused("filter", f"there is no filter {str(name)[:50]} of that kind")
        return cls(**kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A profile at Apple with the devices that have it now."""

    row: AdeProfile
    enrollment: str
    devices: int


def servers(
    *,
    name: str | None = None,
    ordering: str = "id",
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[DepVirtualServer]:
    """A page of virtual servers."""
    query = sa.select(DepVirtualServer)
    if name is not None:
        query = query.where(DepVirtualServer.name == name)
    return SERVERS.entities(query, ordering=ordering, cursor=cursor, limit=limit)


def connected() -> list[DepVirtualServer]:
    """Those that Apple can be asked by, by name."""
    query = sa.select(DepVirtualServer).where(DepVirtualServer.access_token_expiry.is_not(None))
    return list(session().scalars(query.order_by(DepVirtualServer.name).limit(100)))


def devices(
    wanted: DepFilter,
    *,
    ordering: str = "id",
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[DepDevice]:
    """A page of DEP devices."""
    query = sa.select(DepDevice).where(*wanted.conditions())
    return DEVICES.entities(query, ordering=ordering, cursor=cursor, limit=limit)


def device(device_id: int, *, lock: bool = False) -> DepDevice:
    """The DEP device, freshly read; NotFound."""
    if not 0 < device_id <= MAX_ID:
        raise NotFound("there is no such DEP device")
    query = sa.select(DepDevice).where(DepDevice.id == device_id)
    if lock:
        query = query.with_for_update()
    row = session().scalar(query, execution_options={"populate_existing": True})
    if row is None:
        raise NotFound("there is no such DEP device")
    return row


def enrolled(serials: Iterable[str], *, actor: Actor) -> dict[str, int]:
    """The enrolled devices of some serial numbers that the actor may see: their ids."""
    query = sa.select(Device.serial_number, Device.id).where(
        Device.serial_number.in_(list(serials))
    )
    if (scope := access.row_scope(actor, access.VIEW_DEVICES)) is not None:
        query = query.where(scope)
    return {str(serial): row_id for serial, row_id in session().execute(query.order_by(Device.id))}


def of_serial(serial: str | None) -> list[DepDevice]:
    """What our services say of the device with this serial number, the present one first."""
    if not serial:
        return []
    query = sa.select(DepDevice).where(DepDevice.serial_number == serial)
    gone = sa.or_(DepDevice.deleted_at.is_not(None), DepDevice.disowned_at.is_not(None))
    return list(session().scalars(query.order_by(gone, DepDevice.id.desc()).limit(10)))


def names(model: Any, ids: Iterable[int | None]) -> dict[int, str]:
    """Names by id: of enrollments or of virtual servers."""
    wanted = {one for one in ids if one is not None}
    if not wanted:
        return {}
    found = session().execute(sa.select(model.id, model.name).where(model.id.in_(wanted)))
    return {row_id: name for row_id, name in found}


def enrollment_of(profile_uuid: str) -> tuple[int, str] | None:
    """The enrollment whose profile this is or was; None: it was never ours."""
    if not profile_uuid:
        return None
    row = (
        session()
        .execute(
            sa.select(Enrollment.id, Enrollment.name)
            .join(AdeProfile, AdeProfile.enrollment_id == Enrollment.id)
            .where(AdeProfile.profile_uuid == profile_uuid)
        )
        .first()
    )
    return None if row is None else (row.id, row.name)


def profiles(server_id: int, *, limit: int = 100) -> list[Profile]:
    """The profiles of a service, the newest first, with how many devices have each."""
    numbers = session().execute(
        sa.select(DepDevice.profile_uuid, sa.func.count())
        .where(
            DepDevice.server_id == server_id,
            DepDevice.deleted_at.is_(None),
            DepDevice.disowned_at.is_(None),
        )
        .group_by(DepDevice.profile_uuid)
    )
    devices = {uuid: number for uuid, number in numbers}
    found = session().execute(
        sa.select(AdeProfile, Enrollment.name)
        .join(Enrollment, Enrollment.id == AdeProfile.enrollment_id)
        .where(AdeProfile.server_id == server_id)
        .order_by(AdeProfile.id.desc())
        .limit(limit)
    )
    return [
        Profile(row=row, enrollment=name, devices=devices.get(row.profile_uuid or "-", 0))
        for row, name in found
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What somebody should look at, over all services."""

    unassigned: int
    """Devices that nobody has given an enrollment, up to the limit and one more."""
    failed: int
    """Devices for which Apple could not do what it was asked, likewise."""
    not_accessible: int
    """Devices that Apple says are not this server's, likewise."""


def trouble(*, most: int) -> Trouble:
    """Counted in three statements; services that fail are alerts."""
    live = (DepDevice.deleted_at.is_(None), DepDevice.disowned_at.is_(None))

    def number(*conditions: sa.ColumnElement[bool]) -> int:
        some = sa.select(DepDevice.id).where(*live, *conditions).limit(most + 1).subquery()
        return session().scalar(sa.select(sa.func.count()).select_from(some)) or 0

    return Trouble(
        unassigned=number(DepDevice.assignment == "none", DepDevice.enrollment_id.is_(None)),
        failed=number(DepDevice.next_try_at.is_not(None), DepDevice.assignment == "failed"),
        not_accessible=number(
            DepDevice.next_try_at.is_not(None), DepDevice.assignment == "not_accessible"
        ),
    )


def counts(server_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """How many devices each service has, by state of their assignment; `deleted` apart."""
    live = sa.and_(DepDevice.deleted_at.is_(None), DepDevice.disowned_at.is_(None))
    state = sa.case((live, DepDevice.assignment), else_="deleted")
    rows = session().execute(
        sa.select(DepDevice.server_id, state, sa.func.count())
        .where(DepDevice.server_id.in_(list(server_ids)))
        .group_by(DepDevice.server_id, state)
    )
    found: dict[int, dict[str, int]] = {}
    for server_id, name, number in rows:
        found.setdefault(server_id, {})[name] = number
    return found
