"""Licences come back from devices that left, as far as this server had assigned them.

Not from a device that was erased and will enroll again by itself: its apps are to be there when it
does. A CheckOut, a device that was given up, and one that nobody assigns to us do not come back.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import DepDevice, Device
from zmdm_plugin.services.apps_books import licences


def left(device: Device) -> None:
    """The device checked out."""
    if device.serial_number:
        licences.release_device(device.serial_number)


def erased(device: Device) -> None:
    """The device was erased: for good, unless it is assigned to us and enrolls again."""
    if device.serial_number and not comes_back(device.serial_number):
        licences.release_device(device.serial_number)


def given_up(serial_numbers: Iterable[str]) -> None:
    """These devices were disowned: they never come back."""
    for number in sorted(set(serial_numbers)):
        licences.release_device(number)


def comes_back(serial_number: str) -> bool:
    """Whether Apple assigns the device to this server, which it asks after each erase."""
    query = sa.select(DepDevice.id).where(
        DepDevice.serial_number == serial_number,
        DepDevice.deleted_at.is_(None),
        DepDevice.disowned_at.is_(None),
    )
    return session().scalar(query.limit(1)) is not None
