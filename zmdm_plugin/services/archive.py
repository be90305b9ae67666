"""The archive: devices that are no longer in use, with everything that was known of them.

An archived device is in no list, count or bulk action unless it is asked for by name or with the
rest of the archive, and nothing is planned for it. One that enrolls again comes out by itself.
"""

from __future__ import annotations

from zmdm_plugin.errors import Conflict
from zmdm_plugin.models import Device
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import departure, events, returning
from zmdm_plugin.services.apps_books import reclaim


def unless_in_use(device: Device) -> None:
    """Conflict while the device is under management, with what to do about it."""
    if not device.dismissed and device.enrolled_at is not None and device.checkout_at is None:
        raise Conflict("the device is enrolled: unenroll it first, or release it if it is gone")


def archive(device: Device) -> None:
    """Put the device away; it keeps its history, its secrets stay readable."""
    if device.archived_at is not None:
        raise Conflict("the device is in the archive already")
    unless_in_use(device)
    device.archived_at = utcnow()
    departure.end(device, why="the device was archived", now=device.archived_at)
    reclaim.left(device)
    events.record("device.archived", device=device)


def unarchive(device: Device) -> None:
    """Show the device again."""
    if device.archived_at is None:
        raise Conflict("the device is not in the archive")
    returning.show_again(device)
