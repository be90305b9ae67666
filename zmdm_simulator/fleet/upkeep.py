"""When a device does something for its declarations without being asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from zmdm_simulator.apps import DECLARATION, INSTALLING, QUEUED
from zmdm_simulator.channel import Channel
from zmdm_simulator.core import DeviceCore
from zmdm_simulator.declarative.report import FULL_AFTER
from zmdm_simulator.declarative.updates import due_at

MOVING = frozenset({QUEUED, INSTALLING})


def next_in(device: DeviceCore, *, now: datetime, step: float, retry: float) -> float | None:
    """Return the seconds until then, None if there is nothing to do.

    `step` lies between two steps of a system update, `retry` before another attempt at what failed.
    """
    waits = [
        wait
        for channel in device.channels.values()
        if channel.declarative and not channel.declined
        for wait in _waits(device, channel, now=now, step=step, retry=retry)
    ]
    return min(waits, default=None)


def _waits(
    device: DeviceCore, channel: Channel, *, now: datetime, step: float, retry: float
) -> Iterator[float]:
    declared = channel.declared
    if declared.asked or declared.full_at is None:
        yield retry
    else:
        yield max(0.0, (declared.full_at + FULL_AFTER - now).total_seconds())
    if any(app.via == DECLARATION and app.state in MOVING for app in device.apps.values()):
        yield step
    update = declared.update
    if update is not None and update.state == "prepared" and not device.installs_early:
        yield max(step, (due_at(device, update) - now).total_seconds())
    elif update is not None:
        yield step
