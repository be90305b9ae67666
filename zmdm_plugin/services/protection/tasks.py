"""How each piece of work on a device's protection stands; one row for each, made when needed."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import Device, ProtectionTask
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import events
from zmdm_plugin.services.protection.values import FILEVAULT_PROFILE, Task, wait_after

_LONGEST = 500


def of(device_id: int) -> dict[str, ProtectionTask]:
    """The rows of a device, by kind."""
    rows = sa.select(ProtectionTask).where(ProtectionTask.device_id == device_id)
    return {row.kind: row for row in session().scalars(rows)}


def as_value(row: ProtectionTask) -> Task:
    """The row as the planner sees it."""
    return Task(
        digest=row.digest,
        asked=row.asked_at is not None,
        next_try_at=row.next_try_at,
        failed_at=row.tried_at if row.failures else None,
        done_at=row.done_at,
    )


def ensure(device: Device, kind: str) -> ProtectionTask:
    """The row of a piece of work; the caller holds the device's channel or the device."""
    row = session().get(ProtectionTask, (device.id, kind))
    if row is None:
        row = ProtectionTask(device_id=device.id, kind=kind, failures=0)
        session().add(row)
        session().flush()
    return row


def ask(device: Device, kind: str, *, now: datetime) -> None:
    """Somebody wants it done now, whatever failed before."""
    row = ensure(device, kind)
    row.asked_at, row.next_try_at = now, None


def tried(device: Device, kind: str) -> None:
    ensure(device, kind).tried_at = utcnow()


def done(device: Device, kind: str) -> ProtectionTask:
    """It went well: nothing of what failed before counts any more."""
    row = ensure(device, kind)
    row.done_at, row.failures = utcnow(), 0
    row.asked_at = row.next_try_at = row.error = None
    return row


def over(device: Device, kind: str) -> None:
    """What failed before does not count any more, if anything ever did."""
    if session().get(ProtectionTask, (device.id, kind)) is not None:
        done(device, kind)


def failed(device: Device, kind: str, why: str) -> None:
    """It did not: the next attempt waits, longer each time."""
    row = ensure(device, kind)
    row.failures += 1
    row.error = why[:_LONGEST]
    row.next_try_at = utcnow() + wait_after(row.failures)
    events.record("protection.failed", device=device, task=kind, why=row.error)


def left(device: Device) -> None:
    """The device has left: its profiles went with the enrollment. The vault keeps everything."""
    session().execute(
        sa.update(ProtectionTask)
        .where(ProtectionTask.device_id == device.id)
        .values(asked_at=None, next_try_at=None, failures=0, error=None),
        execution_options={"synchronize_session": "fetch"},
    )
    if (row := session().get(ProtectionTask, (device.id, FILEVAULT_PROFILE))) is not None:
        row.digest = None
