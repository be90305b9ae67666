"""The queue of a channel: orders are stored with arguments, payloads are made at delivery.

A channel's conversations are serialized on its row, at most one command is outstanding, and the
order is (lane, id), never a time. What a device said NotNow to is skipped until its next Idle.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import marshmallow as ma
import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.commands import base as commands
from zmdm_plugin.commands.unenroll import Unenroll
from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict, NotFound, Refused
from zmdm_plugin.models import Channel, ChannelCommand, Device
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import channels, events, vault, wake
from zmdm_plugin.services.targets import target

FAST_LANE, LANE = 0, 1
_MAX_KEY = 300


def enqueue(
    channel: Channel,
    name: str,
    args: Mapping[str, Any],
    *,
    actor: Actor,
    not_before: datetime | None = None,
    expires_at: datetime | None = None,
    planned_by: str | None = None,
    wakes: bool = True,
) -> ChannelCommand:
    """Queue a command and wake the device once this transaction commits.

    `wakes=False` is for the channel's own conversation, which holds its row and goes on.
    Raises NotFound for an unknown name, Refused with (field, why), Conflict for a channel
    that is not enrolled.
    """
    command = commands.registry.get(name)
    if command is None:
        raise NotFound(f"no command {name!r}")
    if channel.ended_at is not None or channel.enrolled_at is None:
        raise Conflict("the device is not enrolled, so nothing can be sent to it")
    if channel.device.dismissed:
        raise Conflict("the device is told to leave at its next request, and gets nothing else")
    loaded = load_args(command, args)
    if refusal := command.refusal(target(channel), loaded):
        raise Refused(refusal.field, refusal.why)
    if wakes:
        channels.hold(Channel.id == channel.id)
    row = _row(channel, command, loaded, actor=actor)
    row.not_before, row.expires_at, row.planned_by = not_before, expires_at, planned_by
    _replace_older(channel, row)
    session().add(row)
    session().flush()
    if wakes and (not_before is None or not_before <= utcnow()):
        wake.channel(channel)
    return row


def load_args(command: type[commands.Command], args: Mapping[str, Any]) -> dict[str, Any]:
    """Check arguments against the command's schema; Refused names the first field at fault."""
    try:
        return command.load(args)
    except ma.ValidationError as error:
        raise Refused(*commands.first_fault(error)) from None


def cancel(command: ChannelCommand) -> None:
    """Take back an order that the device does not have; Conflict once it does."""
    channels.hold(Channel.id == command.channel_id)
    session().refresh(command)
    if command.finished_at is not None:
        raise Conflict("the command is finished already")
    if command.name == Unenroll.name:
        raise Conflict("this is taken back by letting the device stay, on its page")
    if command.state != "not_now" and command.delivery_count:
        raise Conflict("the device has been given this command; it cannot be taken back")
    command.state, command.finished_at = "cancelled", utcnow()
    command.failure = "cancelled by an operator"
    events.record(
        "command.cancelled", device=command.device_id, command=command.uuid, name=command.name
    )


def withdraw(
    channel: Channel, keys: Iterable[str], *, names: Iterable[str], why: str
) -> frozenset[str]:
    """Take back what the device has not been given of these orders; returns whose keys those were.

    The caller holds the channel.
    """
    now = utcnow()
    found = session().scalars(
        sa.update(ChannelCommand)
        .where(
            ChannelCommand.channel_id == channel.id,
            ChannelCommand.finished_at.is_(None),
            ChannelCommand.delivery_count == 0,
            ChannelCommand.once_key.in_(list(keys)),
            ChannelCommand.name.in_(list(names)),
        )
        .values(state="cancelled", failure=why, finished_at=now, updated_at=now)
        .returning(ChannelCommand.once_key),
        execution_options={"synchronize_session": False},
    )
    return frozenset(key for key in found if key)


def end_queue(device: Device, *, why: str) -> int:
    """End whatever is outstanding on every channel of a device; returns how many."""
    channels.hold(Channel.device_id == device.id)
    now = utcnow()
    result = session().execute(
        sa.update(ChannelCommand)
        .where(ChannelCommand.device_id == device.id, ChannelCommand.finished_at.is_(None))
        .values(state="cancelled", failure=why, finished_at=now, updated_at=now),
        execution_options={"synchronize_session": False},
    )
    return int(getattr(result, "rowcount", 0))


def _row(
    channel: Channel,
    command: type[commands.Command],
    loaded: dict[str, Any],
    *,
    actor: Actor,
) -> ChannelCommand:
    carried, carried_args = command.unwrap(loaded)
    counts = carried or command
    if carried is None:
        carried_args = loaded
    stored = command.store(loaded)
    secret = {key: stored.pop(key) for key in command.secret if key in stored}
    row = ChannelCommand(
        channel_id=channel.id,
        device_id=channel.device_id,
        name=command.name,
        request_type=command.wire_type(loaded),
        args=stored,
        lane=FAST_LANE if counts.fast_lane else LANE,
        repeatable=counts.repeat,
        once_key=_once_key(counts.supersedes_key(carried_args)),
        state="queued",
        actor_id=actor.id,
        actor_label=actor.label,
    )
    if secret:
        vault.seal(row, "secret_args", json.dumps(secret).encode())
    for field, kind in counts.escrow.items():
        if value := carried_args.get(field):
            vault.keep_version(
                channel.device, kind, str(value).encode(), state="pending", command=row.uid
            )
    return row


def _once_key(key: str | None) -> str | None:
    """As the column can hold it: a profile's identifier may have any length."""
    if key is None or len(key) <= _MAX_KEY:
        return key
    return hashlib.sha256(key.encode()).hexdigest()


def _replace_older(channel: Channel, row: ChannelCommand) -> None:
    """A newer command for the same thing replaces the older undelivered or unanswered one."""
    if row.once_key is None:
        return
    now = utcnow()
    session().execute(
        sa.update(ChannelCommand)
        .where(
            ChannelCommand.channel_id == channel.id,
            ChannelCommand.once_key == row.once_key,
            ChannelCommand.finished_at.is_(None),
        )
        .values(state="superseded", failure="a newer command replaced it", finished_at=now),
        execution_options={"synchronize_session": False},
    )
