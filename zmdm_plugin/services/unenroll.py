"""Leaving management: asked to by an operator, or of its own accord. Its row and history stay.

The device is asked to remove the profile that it enrolled with. Until it has, or has refused, it is
*leaving*, and goes on as before. One that is gone, or that refuses, is released instead
(`release.py`). Afterwards it may enroll again, unless it is blocked.
"""

from __future__ import annotations

from zmdm_plugin import signals
from zmdm_plugin.actors import Actor
from zmdm_plugin.commands.unenroll import Unenroll
from zmdm_plugin.db import after_commit
from zmdm_plugin.errors import Conflict
from zmdm_plugin.models import ChannelCommand, Device
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import (
    channels,
    command_queue,
    departure,
    events,
    licence_marks,
    notify,
    wake,
)
from zmdm_plugin.services.apps_books import reclaim
from zmdm_plugin.services.enrollment import enrollments

_KEY = "unenroll"


def order(device: Device, actor: Actor, *, bulk: bool = False) -> ChannelCommand:
    """Ask the device to remove its enrollment profile, and wake it for that."""
    if device.dismissed:
        raise Conflict("the device is told to leave already, at its next request")
    if device.leaving_at is not None:
        raise Conflict("the device is asked to leave already")
    own = next((one for one in channels.open_channels(device) if one.kind == "device"), None)
    if own is None or device.checkout_at is not None:
        raise Conflict("the device is not enrolled")
    identifier = (device.payload or {}).get("identifier") or enrollments.payload_identifier()
    args = {"identifier": identifier}
    row = command_queue.enqueue(own, Unenroll.name, args, actor=actor, wakes=False)
    device.leaving_at, device.leave_failure = utcnow(), None
    events.record("device.unenroll_ordered", device=device)
    wake.channel(own, bulk=bulk)
    return row


def stay(device: Device, *, bulk: bool = False) -> None:
    """Take it back, as long as the device has not been told; Conflict afterwards."""
    if device.checkout_at is not None or not (device.leaving_at or device.released_at):
        raise Conflict("the device is not asked to leave")
    if device.leaving_at is not None:
        _take_back(device)
    device.leaving_at = device.leave_failure = device.released_at = None
    licence_marks.mark(device.serial_number)
    events.record("device.stays", device=device)
    for channel in channels.open_channels(device):
        channel.plan_due_at = utcnow()
        wake.channel(channel, bulk=bulk)


def _take_back(device: Device) -> None:
    for channel in channels.open_channels(device):
        names, why = (Unenroll.name,), "the device may stay"
        if command_queue.withdraw(channel, [_KEY], names=names, why=why):
            return
    raise Conflict("the device has been told to leave; that cannot be taken back")


def left(device: Device, *, kind: str) -> None:
    """The device has removed its profile, and said so in one way or another."""
    device.checkout_at, device.leaving_at = utcnow(), None
    departure.end(device, why="the device left management", now=device.checkout_at)
    reclaim.left(device)
    events.record(kind, device=device)
    device_id = device.id
    after_commit(lambda: notify.send(signals.device_checked_out, device_id=device_id))


def refused(device: Device, why: str) -> None:
    """It keeps its profile: the operator decides whether to ask again or to release it."""
    device.leaving_at, device.leave_failure = None, why[:500]
    events.record("device.unenroll_failed", device=device, why=why[:500])
