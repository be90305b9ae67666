"""Whose licences are compared with the scopes anew, for something about the device has changed.

Noted in the transaction of the change, a device's own conversation as well; a job does the work.
"""

from __future__ import annotations

from zmdm_plugin.db import insert, session
from zmdm_plugin.models import LicenceMark
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.queues import defer

JOB = "licences.walk"
_LONGEST = 128


def walk() -> None:
    """Have the job look once this transaction commits; what its wake-up loses is found later."""
    defer(JOB, once=JOB)


def mark(serial_number: str | None, *, gone: bool = False) -> None:
    """This device; `gone`: for good, so that no scope has a wish for it until it enrolls anew."""
    if not serial_number or len(serial_number) > _LONGEST:
        return
    new = insert(LicenceMark).values(serial_number=serial_number, marked_at=utcnow(), gone=gone)
    session().execute(
        new.on_conflict_do_update(
            index_elements=[LicenceMark.serial_number],
            set_={"gone": new.excluded.gone, "marked_at": new.excluded.marked_at},
        ),
        execution_options={"synchronize_session": False},
    )
    walk()
