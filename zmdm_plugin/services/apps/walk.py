"""The devices that a change of scope touches, walked in id order, chunk by chunk, by one at a time.

A device whose own facts, tags or blueprint changed was marked and comes first; a new revision of a
blueprint has all of its devices walked. Each chunk is committed with its cursor, so that a worker
that is killed leaves the next one where it was. Once a day everything is walked again. What takes
more than one chunk shows how far it is as a run, by which it can be stopped as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from zmdm_plugin.db import insert, session
from zmdm_plugin.models import (
    Device,
    Licence,
    LicenceMark,
    LicenceWalk,
    MDMBlueprint,
    Revision,
)
from zmdm_plugin.models.blueprints import PREFIX, blueprint_of
from zmdm_plugin.services import job_runs, licence_marks
from zmdm_plugin.services.apps import wishes
from zmdm_plugin.services.apps_books import serials
from zmdm_plugin.services.job_runs import Step
from zmdm_plugin.services.spans import counted

CHUNK: Final = 1000
AGAIN: Final = timedelta(days=1)
SCOPED: Final = "scoped"
"""The walk over all licences that scopes have; its row is the lock of all walks, too."""
_M = LicenceMark
_W = LicenceWalk
_QUIET = {"synchronize_session": False}


def step(*, now: datetime) -> bool:
    """Settle one chunk; False when there is nothing to do. Two never work at the same time: what
    one has seen of a device would be old by the time it is written."""
    _take_turns()
    return _marked() or _walked(now=now)


def is_due(*, now: datetime) -> bool:
    """Whether there is anything to do, which a lost wake-up may have left."""
    if session().scalar(sa.select(_M.serial_number).limit(1)) is not None:
        return True
    return session().execute(_unwalked(now).limit(1)).first() is not None


def _take_turns() -> None:
    lock = sa.select(_W.name).where(_W.name == SCOPED).with_for_update()
    if session().scalar(lock) is None:
        _enter([SCOPED])
        session().scalar(lock)


def _enter(names: Sequence[str]) -> None:
    rows = [{"name": name, "target": 0, "walked": -1, "cursor": 0} for name in names]
    session().execute(insert(_W).on_conflict_do_nothing(index_elements=[_W.name]), rows)


def _marked() -> bool:
    """Devices of which something changed, or that are there no more."""
    query = sa.select(_M.serial_number).order_by(_M.serial_number).limit(CHUNK)
    numbers = session().scalars(query).all()
    if not numbers:
        return False
    taken = session().execute(
        sa.delete(_M)
        .where(serials.among(_M.serial_number, numbers))
        .returning(_M.serial_number, _M.gone),
        execution_options=_QUIET,
    )
    marks = {number: gone for number, gone in taken}
    wishes.settle(sorted(marks), gone={number for number, gone in marks.items() if gone})
    return True


def _unwalked(now: datetime) -> sa.Select[Any]:
    """Names and revisions of what is to be walked; what has waited longest comes first."""
    made = sa.select(Revision.name, Revision.value).where(
        Revision.name.startswith(PREFIX, autoescape=True)
    )
    named = sa.union_all(made, sa.select(sa.literal(SCOPED), sa.literal(0))).subquery()
    return (
        sa.select(named.c.name, named.c.value)
        .outerjoin(_W, _W.name == named.c.name)
        .where(
            sa.or_(
                _W.name.is_(None),
                _W.walked < named.c.value,
                _W.walked_at.is_(None),
                _W.walked_at < now - AGAIN,
            )
        )
        .order_by(_W.walked_at.is_not(None), _W.walked_at, named.c.name)
    )


def _walked(*, now: datetime) -> bool:
    """One chunk of a walk; one that has begun goes on to its end before the next one begins."""
    due = session().execute(_unwalked(now).limit(1)).first()
    if due is None:
        return False
    row = session().get(_W, due.name)
    if row is None:
        _enter([due.name])
        row = session().get_one(_W, due.name)
    if row.cursor == 0:
        row.target, row.run = due.value, _shown(due.name, now=now)
    after = None if _is_stopped(row.run) else _settled(row, now=now)
    if after is None:
        row.cursor, row.walked, row.walked_at, row.run = 0, row.target, now, None
    else:
        row.cursor = after
    session().flush()
    return True


def _settled(row: LicenceWalk, *, now: datetime) -> int | None:
    """Settle the next devices; where to go on, None at the end."""
    after, numbers = _holders(row.cursor) if row.name == SCOPED else _devices(row.name, row.cursor)
    changed = wishes.settle(numbers)
    if row.run is not None:
        _tell(row.run, len(numbers), changed, finished=after is None, now=now)
    return after


def _is_stopped(uid: str | None) -> bool:
    """What is left then waits for the next walk."""
    return uid is not None and job_runs.find(uid).finished_at is not None


def _shown(name: str, *, now: datetime) -> str | None:
    """A run by which people see how far the walk is; none for one chunk, or where no app is."""
    if name == SCOPED:
        title = "Look through the licences of scopes"
        number = sa.select(sa.func.count(Licence.id)).where(Licence.scoped)
    else:
        blueprint = session().get(MDMBlueprint, blueprint_of(name))
        if blueprint is None or not wishes.any_apps(blueprint.id):
            return None
        title = f"See which licences the devices of {blueprint.name} need"
        number = sa.select(sa.func.count(Device.id)).where(Device.blueprint_id == blueprint.id)
    total = session().scalar(number) or 0
    if total <= CHUNK:
        return None
    return job_runs.accompany(licence_marks.JOB, title=title, total=total, now=now).uid


def _tell(uid: str, more: int, changed: int, *, finished: bool, now: datetime) -> None:
    run = job_runs.find(uid)
    changed += int((run.result or {}).get("changed", 0))
    step = Step(
        done=run.done + more,
        total=run.done + more if finished else None,
        message=f"{counted(changed, 'licence')} noted as needed, or as needed no longer",
        result={"changed": changed},
        finished=finished,
    )
    job_runs.show(uid, step, now=now)


def _devices(revision: str, after: int) -> tuple[int | None, Sequence[str]]:
    """Serial numbers of the next devices of a blueprint, and where to go on; None at the end."""
    query = (
        sa.select(Device.id, Device.serial_number)
        .where(Device.blueprint_id == blueprint_of(revision), Device.id > after)
        .order_by(Device.id)
        .limit(CHUNK)
    )
    return _chunk(session().execute(query).all())


def _holders(after: int) -> tuple[int | None, Sequence[str]]:
    """The same of whoever has a licence by a scope, wherever the device has gone since."""
    query = (
        sa.select(Licence.id, Licence.serial_number)
        .where(Licence.scoped, Licence.id > after)
        .order_by(Licence.id)
        .limit(CHUNK)
    )
    return _chunk(session().execute(query).all())


def _chunk(rows: Sequence[Any]) -> tuple[int | None, Sequence[str]]:
    numbers = sorted({number for _, number in rows if number})
    return (rows[-1][0] if len(rows) == CHUNK else None), numbers
