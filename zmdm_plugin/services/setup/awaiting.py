"""Devices (and users of Shared iPads) that wait in Setup Assistant until the server lets them go.

Whether one waits is what its TokenUpdate and its DeviceInformation say, never what its enrollment
says; an acknowledged release and "I do not wait" both end it. A device that lost its release says
so with its next TokenUpdate, and gets another.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict
from zmdm_plugin.models import Channel, ChannelCommand, Device
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access, command_queue, devices, events, replan, wake
from zmdm_plugin.services.setup import accounts
from zmdm_plugin.services.setup.values import DEVICE, RELEASES, Setup
from zmdm_plugin.services.spans import ago
from zmdm_plugin.services.waiting import why
from zmdm_plugin.state import state

_CHUNK = 500


def said(channel: Channel, awaiting: bool | None) -> None:
    """What the device says of itself; None: nothing."""
    if awaiting is None:
        return
    if not awaiting:
        released(channel, how="the device says so")
    elif channel.awaiting_since is None:
        now = utcnow()
        channel.awaiting_since = channel.plan_due_at = now
        channel.awaiting_until = now + timedelta(minutes=state().settings.setup_assistant_minutes)
        channel.awaiting_stalled_at = None
        events.record("setup.waits", device=channel.device, channel=channel.key or None)


def released(channel: Channel, *, how: str) -> None:
    """It waits no longer: from now on it gets everything."""
    if channel.kind == "device":
        channel.device.awaiting_configuration = False
    if channel.awaiting_since is None:
        return
    waited = int((utcnow() - channel.awaiting_since).total_seconds())
    channel.awaiting_since = channel.awaiting_until = channel.awaiting_stalled_at = None
    session().flush()
    events.record(
        "setup.released",
        device=channel.device,
        channel=channel.key or None,
        seconds=waited,
        how=how,
    )
    replan.device(channel.device)


def release(device: Device, actor: Actor) -> ChannelCommand:
    """An operator lets the device go on now, whatever it still waits for; Refused, Conflict."""
    channel = devices.channel(device.id)
    if channel.ended_at is not None:
        raise Conflict("the device is not enrolled")
    return command_queue.enqueue(channel, DEVICE, {}, actor=actor)


def situation(channel: Channel) -> Setup | None:
    """What the planner's rule looks at; None for a channel that does not wait."""
    since, until = channel.awaiting_since, channel.awaiting_until
    if since is None or until is None:
        return None
    makes = channel.kind == "device" and accounts.settings_of(channel.device) is not None
    return Setup(since, until, makes_accounts=makes)


def say_stalled(*, now: datetime) -> int:
    """Who has waited until the limit is said to be stuck, once, and woken for its release."""
    rows = session().scalars(
        sa.select(Channel)
        .where(
            Channel.awaiting_since.is_not(None),
            Channel.awaiting_until <= now,
            Channel.awaiting_stalled_at.is_(None),
            Channel.ended_at.is_(None),
        )
        .order_by(Channel.awaiting_until, Channel.id)
        .limit(_CHUNK)
        .with_for_update(of=Channel, skip_locked=True)
    )
    late = rows.all()
    for channel in late:
        channel.awaiting_stalled_at = channel.plan_due_at = now
        wake.channel(channel)
        events.record(
            "setup.stalled",
            device=channel.device,
            channel=channel.key or None,
            why=waits_for(channel, now=now),
        )
    return len(late)


def waits_for(channel: Channel, *, now: datetime) -> str:
    """What a channel in Setup Assistant waits for, in words; empty for one that does not."""
    if channel.awaiting_since is None:
        return ""
    waiting = session().scalars(
        sa.select(ChannelCommand)
        .where(ChannelCommand.channel_id == channel.id, ChannelCommand.finished_at.is_(None))
        .order_by(ChannelCommand.lane, ChannelCommand.id)
        .limit(50)
    )
    rows = waiting.all()
    release = next((row for row in rows if row.name in RELEASES), None)
    if release is not None:
        return f"Its release: {why(release, channel, now)}"
    first = next((row for row in rows if row.state != "not_now"), None)
    if first is not None:
        return f"{first.name}: {why(first, channel, now)}"
    return f"It is let go when it next comes by; last seen {ago(channel.last_seen_at, now)}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """How a device stands in Setup Assistant; None and empty where it does not wait."""

    awaiting: bool
    since: datetime | None = None
    until: datetime | None = None
    stalled: bool = False
    waits_for: str = ""


def of(device: Device) -> Wait:
    """Whether the device waits, for how long, and for what."""
    channel = session().scalar(
        sa.select(Channel).where(
            Channel.device_id == device.id, Channel.kind == "device", Channel.ended_at.is_(None)
        )
    )
    if channel is None or channel.awaiting_since is None:
        return Wait(awaiting=False)
    now, until = utcnow(), channel.awaiting_until
    return Wait(
        awaiting=True,
        since=channel.awaiting_since,
        until=until,
        stalled=until is not None and until <= now,
        waits_for=waits_for(channel, now=now),
    )


def number_waiting(actor: Actor, *, now: datetime, most: int) -> tuple[int, int]:
    """How many wait in Setup Assistant, and how many of them beyond the limit; up to `most` + 1."""
    scope = access.row_scope(actor, access.VIEW_DEVICES)
    query = (
        sa.select(Channel.awaiting_until)
        .join(Device, Device.id == Channel.device_id)
        .where(
            Channel.awaiting_since.is_not(None),
            Channel.ended_at.is_(None),
            sa.not_(Device.dismissed),
            *([] if scope is None else [scope]),
        )
        .order_by(Channel.awaiting_until)
        .limit(most + 1)
    )
    limits = list(session().scalars(query))
    return len(limits), sum(1 for limit in limits if limit is not None and limit <= now)
