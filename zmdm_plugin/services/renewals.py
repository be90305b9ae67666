"""Identities and their renewal, for operators: lists by expiry, "renew now", and who is late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from zmdm_plugin import signals
from zmdm_plugin.actors import Actor
from zmdm_plugin.commands.renew_identity import RenewIdentity
from zmdm_plugin.db import after_commit, session
from zmdm_plugin.errors import Conflict, NotFound
from zmdm_plugin.models import Channel, ChannelCommand, Device, Identity
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import (
    access,
    command_queue,
    devices,
    events,
    identity_filter,
    notify,
    push_certificates,
    renewal_due,
    renewal_words,
    wake,
)
from zmdm_plugin.services.device_filter import DeviceFilter
from zmdm_plugin.services.enrollment import renewal
from zmdm_plugin.services.keyset import DEFAULT_LIMIT, MAX_ID, Keyset, Page
from zmdm_plugin.services.renewal_words import Standing
from zmdm_plugin.state import state

KEYSET = Keyset(Identity.id, {"not_after": Identity.not_after})
_CHUNK = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityFilter:
    """None asks nothing."""

    state: str = "in_use"
    renewal: str | None = None
    ends_before: datetime | None = None
    device_id: int | None = None
    device: DeviceFilter = field(default_factory=DeviceFilter)

    def conditions(self, *, now: datetime) -> list[sa.ColumnElement[bool]]:
        """SQL conditions on zmdm_identity joined with its device and that one's channel."""
        found = [*identity_filter.in_state(self.state, now=now), *self.device.conditions()]
        if self.renewal is not None:
            found += identity_filter.renewal_is(self.renewal)
        if self.device_id is not None:
            found.append(Identity.device_id == self.device_id)
        if self.ends_before is not None:
            found.append(Identity.not_after < self.ends_before)
        return found


def page(
    actor: Actor,
    asked: IdentityFilter,
    *,
    ordering: str = "not_after",
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Standing]:
    """A page of identities of the devices that this actor may see."""
    statement = _joined().where(*asked.conditions(now=utcnow()), *_scope(actor))
    found = KEYSET.page(statement, ordering=ordering, cursor=cursor, limit=limit)
    return Page(_standing(found.items), found.next_cursor)


def of_device(device: Device) -> list[Standing]:
    """The identities of one device, the newest first."""
    statement = _joined().where(Identity.device_id == device.id).order_by(Identity.id.desc())
    return _standing(session().execute(statement.limit(10)).all())


def of_device_in_use(device: Device) -> Standing:
    """The identity of a device that is to be renewed next; Conflict if it has none."""
    held = renewal.present(device.id)
    if held is None:
        raise Conflict("the device has no identity in use")
    return _standing([session().execute(_joined().where(Identity.id == held.id)).one()])[0]


def find(actor: Actor, identity_id: int) -> Standing:
    """One identity; NotFound where the actor may not even know of it."""
    if not 0 < identity_id <= MAX_ID:
        raise NotFound("no such identity")
    access.demand(actor, access.VIEW_DEVICES)
    statement = _joined().where(Identity.id == identity_id, *_scope(actor))
    found = session().execute(statement).one_or_none()
    if found is None:
        raise NotFound("no such identity")
    access.demand(actor, access.VIEW_DEVICES, found[1])
    return _standing([found])[0]


def renew(device: Device, actor: Actor, *, bulk: bool = False) -> ChannelCommand:
    """Renew the device's identity now, due or not; the caller holds the device.

    A renewal that failed begins anew, with short waits. Conflict where nothing can be renewed.
    """
    channel = devices.channel(device.id)
    if device.dismissed:
        raise Conflict("the device is blocked or released, so it gets no new identity")
    held = renewal.present(device.id)
    if held is None or channel.ended_at is not None:
        raise Conflict("the device is not enrolled, so there is no identity to renew")
    held.renewal_attempts = 0
    args = {"session": renewal.begin(device).uid}
    row = command_queue.enqueue(channel, RenewIdentity.name, args, actor=actor, wakes=False)
    wake.channel(channel, bulk=bulk)
    events.record("identity.renewal_ordered", device=device)
    return row


def say_overdue(*, now: datetime) -> int:
    """Say once of each identity that half of the time for its renewal has passed."""
    before = timedelta(days=state().settings.identity_renew_before_days)
    rows = session().execute(
        sa.select(Identity, Device)
        .join(Device, Device.id == Identity.device_id)
        .where(
            Identity.state == "active",
            Identity.retire_at.is_(None),
            Identity.renewal_overdue_at.is_(None),
            Identity.not_after < now + before / 2,
        )
        .order_by(Identity.not_after, Identity.id)
        .limit(_CHUNK)
    )
    late = [
        (held, device)
        for held, device in rows
        if renewal_due.overdue_at(renewal.holding(held), before) <= now
    ]
    for held, device in late:
        held.renewal_overdue_at = now
        if not device.dismissed and device.checkout_at is None:
            _tell_overdue(held, device)
    return len(late)


def number_overdue(actor: Actor, *, most: int) -> int:
    """How many devices in use should have had a new identity by now, up to `most` + 1."""
    some = (
        sa.select(Identity.id)
        .join(Device, Device.id == Identity.device_id)
        .where(
            *identity_filter.in_state("in_use", now=utcnow()),
            *identity_filter.renewal_is("overdue"),
            sa.not_(Device.dismissed),
            Device.checkout_at.is_(None),
            *_scope(actor),
        )
        .limit(most + 1)
        .subquery()
    )
    return session().scalar(sa.select(sa.func.count()).select_from(some)) or 0


def _tell_overdue(held: Identity, device: Device) -> None:
    events.record(
        "identity.renewal_overdue",
        device=device,
        ends=held.not_after.isoformat(),
        why=held.renewal_failure or held.renewal_state or "the device has not come by",
    )
    device_id, ends = device.id, held.not_after
    after_commit(lambda: notify.send(signals.identity_overdue, device_id=device_id, ends=ends))


def _joined() -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(Identity, Device, Channel)
        .join(Device, Device.id == Identity.device_id)
        .outerjoin(Channel, devices.OWN_CHANNEL)
    )


def _standing(rows: Sequence[Any]) -> list[Standing]:
    """Rows of `_joined`, with the orders that wait, which are one statement for all of them."""
    now, settings = utcnow(), state().settings
    waiting = session().scalars(
        sa.select(ChannelCommand).where(
            ChannelCommand.channel_id.in_([row[2].id for row in rows if row[2] is not None]),
            ChannelCommand.finished_at.is_(None),
            ChannelCommand.name == RenewIdentity.name,
        )
    )
    orders = {command.channel_id: command for command in waiting}
    before = timedelta(days=settings.identity_renew_before_days)
    return [
        Standing(
            identity=held,
            device=device,
            channel=channel,
            command=orders.get(channel.id) if channel is not None else None,
            before=before,
            now=now,
            resting=push_certificates.resting(device),
        )
        for held, device, channel in rows
    ]


def _scope(actor: Actor) -> list[sa.ColumnElement[bool]]:
    condition = access.row_scope(actor, access.VIEW_DEVICES)
    return [] if condition is None else [condition]


why = renewal_words.why
