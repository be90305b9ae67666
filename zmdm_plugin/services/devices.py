"""Lists of devices, by the filter that API, screens, exports and bulk actions share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict, NotFound
from zmdm_plugin.models import (
    Channel,
    Device,
    DeviceSecret,
    EnrollmentSession,
    Identity,
    RealmUser,
    Tag,
)
from zmdm_plugin.services import access, tags, vault
from zmdm_plugin.services.channels import hold_devices
from zmdm_plugin.services.device_filter import STATES, State, in_state
from zmdm_plugin.services.device_filter import DeviceFilter as DeviceFilter
from zmdm_plugin.services.keyset import DEFAULT_LIMIT, MAX_ID, Keyset, Page

DEVICE_CHANNEL = ""

KEYSET = Keyset(
    Device.id,
    {
        "name": Device.name,
        "serial_number": Device.serial_number,
        "platform": Device.platform,
        "last_seen": Device.seen_hour,
    },
)
"""`last_seen` orders by the hour: an index on the exact time would cost every poll."""

OWN_CHANNEL = sa.and_(Channel.device_id == Device.id, Channel.key == DEVICE_CHANNEL)
"""Joins a device with its own channel."""
CERT_NOT_VALID_AFTER = (
    sa.select(sa.func.max(Identity.not_after))
    .where(Identity.device_id == Device.id, Identity.state == "active")
    .correlate(Device)
    .scalar_subquery()
)


def _has(*kinds: str) -> sa.Exists:
    """Whether the vault has a version of one of these kinds that may be in force."""
    return (
        sa.exists()
        .where(DeviceSecret.device_id == Device.id, DeviceSecret.kind.in_(kinds))
        .where(DeviceSecret.state.in_(("pending", "confirmed")))
        .correlate(Device)
    )


HAS_PRK = _has(vault.FILEVAULT_PRK)
HAS_RECOVERY_PASSWORD = _has(vault.RECOVERY_LOCK, vault.FIRMWARE_PASSWORD)
HAS_ADMIN_PASSWORD = _has(vault.ADMIN_PASSWORD)
STATE = sa.case(*((in_state(state), state) for state in STATES))
ENROLLMENT_ID = (
    sa.select(EnrollmentSession.enrollment_id)
    .where(EnrollmentSession.id == Device.session_id)
    .correlate(Device)
    .scalar_subquery()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A device with what lists show of its channel, identity, vault and tags; no more loads."""

    device: Device
    state: State
    enrollment_id: int | None
    channel_id: int | None
    last_seen_at: datetime | None
    last_notified_at: datetime | None
    push_status: int | None
    push_reason: str | None
    push_dead_at: datetime | None
    cert_not_valid_after: datetime | None
    filevault_prk_escrowed: bool
    recovery_password_escrowed: bool
    admin_password_escrowed: bool
    realm_user: RealmUser | None
    tags: Sequence[Tag]


def page(
    actor: Actor,
    filter: DeviceFilter,
    *,
    ordering: str = "id",
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Shown]:
    """A page of the devices that this actor may see."""
    statement = _shown().where(*filter.conditions(), *_scope(actor, access.VIEW_DEVICES))
    found = KEYSET.page(statement, ordering=ordering, cursor=cursor, limit=limit)
    return Page(_from_rows(found.items), found.next_cursor)


def get(device_id: int) -> Shown:
    """One device as lists show it; who may see it was asked before."""
    row = session().execute(_shown().where(Device.id == _checked(device_id))).one_or_none()
    if row is None:
        raise NotFound("no such device")
    return _from_rows([row])[0]


def locked(device_id: int) -> Device:
    """The row of a device, for a change that depends on its present state.

    Its channels are locked first, in id order, as conversations do, so that nobody deadlocks.
    """
    hold_devices([device_id])
    device = session().get(Device, device_id, populate_existing=True)
    if device is None:
        raise NotFound("no such device")
    return device


def find(actor: Actor, device_id: int, permission: str) -> Device:
    """The row of a device that the actor may use this permission on; NotFound, then Denied."""
    statement = sa.select(Device).where(Device.id == _checked(device_id))
    device = session().scalar(statement.where(*_scope(actor, permission)))
    if device is None:
        access.demand(actor, permission)
        raise NotFound("no such device")
    access.demand(actor, permission, device)
    return device


def channel(device_id: int, *, channel_id: int | None = None) -> Channel:
    """The device channel, or a user channel of the device by its id."""
    statement = sa.select(Channel).where(Channel.device_id == device_id)
    if channel_id is None:
        found = session().scalar(statement.where(Channel.key == DEVICE_CHANNEL))
        if found is None:
            raise Conflict("the device has not enrolled yet")
        return found
    found = session().scalar(statement.where(Channel.id == _checked(channel_id)))
    if found is None:
        raise NotFound("no such channel of this device")
    return found


def channels(device_id: int) -> list[Channel]:
    """All channels of a device, its own first."""
    statement = sa.select(Channel).where(Channel.device_id == device_id)
    return list(session().scalars(statement.order_by(Channel.kind, Channel.id)))


def _shown() -> sa.Select[*tuple[Any, ...]]:
    columns = (
        Device,
        STATE,
        ENROLLMENT_ID,
        Channel.id,
        Channel.last_seen_at,
        Channel.pushed_at,
        Channel.push_status,
        Channel.push_reason,
        Channel.push_dead_at,
        CERT_NOT_VALID_AFTER,
        HAS_PRK,
        HAS_RECOVERY_PASSWORD,
        HAS_ADMIN_PASSWORD,
        RealmUser,
    )
    whose = RealmUser.id == Device.realm_user_id
    from_device = sa.select(*columns).outerjoin_from(Device, Channel, OWN_CHANNEL)
    return from_device.outerjoin(RealmUser, whose)


def _from_rows(found: Sequence[Any]) -> list[Shown]:
    """Rows of `_shown`, with their tags, which are one statement for all of them."""
    tagged = tags.of(row[0].id for row in found) if found else {}
    return [_from_row(row, tagged.get(row[0].id, ())) for row in found]


def _from_row(row: Any, tagged: Sequence[Tag]) -> Shown:
    device, state, enrollment, channel, seen, pushed, status, reason, dead, not_after = row[:10]
    prk, recovery, admin, person = row[10:]
    return Shown(
        device=device,
        state=state,
        enrollment_id=enrollment,
        channel_id=channel,
        last_seen_at=seen,
        last_notified_at=pushed,
        push_status=status,
        push_reason=reason,
        push_dead_at=dead,
        cert_not_valid_after=not_after,
        filevault_prk_escrowed=bool(prk),
        recovery_password_escrowed=bool(recovery),
        admin_password_escrowed=bool(admin),
        realm_user=person,
        tags=tagged,
    )


def _scope(actor: Actor, permission: str) -> list[sa.ColumnElement[bool]]:
    condition = access.row_scope(actor, permission)
    return [] if condition is None else [condition]


def _checked(row_id: int) -> int:
    if not 0 < row_id <= MAX_ID:
        raise NotFound("no such row")
    return row_id
