"""Licences come back from devices that left, as far as this server had assigned them.

Not from a device that was erased and will enroll again by itself: its apps are to be there when it
does. A CheckOut, a device that was given up, and one that nobody assigns to us do not come back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import DepDevice, Device
from zmdm_plugin.services import licence_marks
from zmdm_plugin.services.apps_books import licences, serials


def left(device: Device) -> None:
    """The device checked out."""
    if device.serial_number:
        _give_back(device.serial_number)


def erased(device: Device, *, returns: bool = False) -> None:
    """The device was erased: for good, unless it enrolls again, for it is assigned to us or
    `returns` to service by itself."""
    if device.serial_number and not returns and not comes_back(device.serial_number):
        _give_back(device.serial_number)


def given_up(serial_numbers: Iterable[str]) -> None:
    """These devices were disowned: they never come back."""
    for number in sorted(set(serial_numbers)):
        _give_back(number)


def _give_back(serial_number: str) -> None:
    """At once; and marked, since a walk may have seen the device before it left."""
    licences.release_device(serial_number)
    licence_marks.mark(serial_number, gone=True)


def comes_back(serial_number: str) -> bool:
    """Whether Apple assigns the device to this server, which it asks after each erase."""
    query = sa.select(DepDevice.id).where(
        DepDevice.serial_number == serial_number,
        DepDevice.deleted_at.is_(None),
        DepDevice.disowned_at.is_(None),
    )
    return session().scalar(query.limit(1)) is not None


def disowned(serial_numbers: Sequence[str]) -> set[str]:
    """Those of these that were disowned, though they may be enrolled still."""
    row = DepDevice
    live = sa.and_(row.deleted_at.is_(None), row.disowned_at.is_(None))
    found = session().execute(
        sa.select(row.serial_number, sa.func.max(sa.case((live, 1), else_=0)))
        .where(serials.among(row.serial_number, serial_numbers))
        .group_by(row.serial_number)
        .having(sa.func.count(row.disowned_at) > 0)
    )
    return {number for number, lives in found if not lives}
