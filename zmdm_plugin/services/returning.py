"""A device is under management again: what an operator had said of it meanwhile is over."""

from __future__ import annotations

from zmdm_plugin.models import Device
from zmdm_plugin.services import events


def came_back(device: Device) -> None:
    """It neither leaves nor was released any more, and the archive is no place for it."""
    if device.archived_at is not None:
        show_again(device)
    device.leaving_at = device.leave_failure = device.released_at = None


def show_again(device: Device) -> None:
    """Take it out of the archive."""
    device.archived_at = None
    events.record("device.unarchived", device=device)
