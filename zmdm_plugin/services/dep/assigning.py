"""Making the actual profile of each device the desired one: a run per service that converges.

The desired profile is the newest defined one of the device's enrollment. Apple answers for each
serial number; what it refuses is tried again after growing waits, with the reason beside it. A
run that dies is done again: to assign the same profile twice does no harm.

Whoever wants something else (`wake`) touches the service's row under its lock, and a run ends only
if nobody has since its last look at everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from zmdm_plugin.actors import SYSTEM, Actor
from zmdm_plugin.clients import dep_values
from zmdm_plugin.clients.dep import ASSIGN, LIMITS
from zmdm_plugin.clients.dep_values import Outcomes
from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict
from zmdm_plugin.models import AdeProfile, DepDevice, DepVirtualServer, JobRun
from zmdm_plugin.services import job_runs
from zmdm_plugin.services.dep import rows, wishes
from zmdm_plugin.services.dep.connection import clear, find
from zmdm_plugin.services.dep.rows import Telling
from zmdm_plugin.services.dep.runs import open_run
from zmdm_plugin.services.job_runs import Claimed, Step

JOB: Final = "dep.assign"
_FIRST_WAIT: Final = timedelta(minutes=5)
_LONGEST_WAIT: Final = timedelta(hours=24)
_NOT_OURS: Final = timedelta(hours=1)
_THROTTLED: Final = 60
_UNDEFINED: Final = timedelta(minutes=15)
_REASONS: Final = {
    dep_values.FAILED: "Apple could not assign the profile",
    dep_values.NOT_ACCESSIBLE: "Apple says that the device is not assigned to this server",
    dep_values.THROTTLED: "Apple asks to wait: too many assignments of this device",
}
NO_PROFILE: Final = "the enrollment has no profile at Apple yet"
LOST_PROFILE: Final = "Apple does not know this profile any more: save the enrollment again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Devices that are to be given a profile, no more than one request may name."""

    enrollment_id: int | None
    """None: theirs is to be taken away."""
    profile_uuid: str | None
    """None: the enrollment has none yet; empty: they are to have none."""
    serials: tuple[str, ...]

    @property
    def removes(self) -> bool:
        """Whether it takes profiles away."""
        return self.enrollment_id is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a batch; no outcomes: Apple does not know the profile."""

    batch: Batch
    outcomes: Outcomes | None


def wake(server_id: int, *, actor: Actor = SYSTEM, now: datetime) -> JobRun:
    """Make desired and actual one; the run that is at it, or a new one."""
    server = find(server_id, lock=True)
    server.updated_at = max(now, server.updated_at + timedelta(microseconds=1))
    session().flush()
    if run := open_run(JOB, server_id):
        return run
    return job_runs.start(
        JOB,
        actor,
        title=f"Assign profiles to devices of {server.name}"[:200],
        arguments={"server": server.id},
    )


def is_due(server: DepVirtualServer, *, now: datetime) -> bool:
    """Whether a device is to be assigned by now: a look into an index, for every minute.

    That desired and actual have come apart is told by whoever brings it about (`wake`), and looked
    for at the end of each synchronization (`is_behind`).
    """
    due = sa.select(DepDevice.id).where(*_due(server.id, now)).limit(1)
    return session().scalar(due) is not None


def is_behind(server: DepVirtualServer, *, now: datetime) -> bool:
    """Whether there is anything to converge; looks at all devices of the service."""
    return server.token is not None and (is_due(server, now=now) or wishes.exist(server))


def question(claimed: Claimed, *, now: datetime) -> Batch | None:
    """The next devices to be assigned; None while the database alone has work to do."""
    if not (claimed.cursor or {}).get("assigning"):
        return None
    server = find(claimed.arguments["server"])
    conditions = _due(server.id, now)
    first = sa.select(DepDevice.enrollment_id).where(*conditions).order_by(DepDevice.next_try_at)
    found = session().execute(first.limit(1)).first()
    if found is None:
        return None
    enrollment_id: int | None = found.enrollment_id
    most = (server.limits or {}).get(ASSIGN, [0, LIMITS[ASSIGN].maximum])[1]
    serials = session().scalars(
        sa.select(DepDevice.serial_number)
        .where(*conditions, DepDevice.enrollment_id == enrollment_id)
        .order_by(DepDevice.id)
        .limit(most)
    )
    return Batch(
        enrollment_id=enrollment_id,
        profile_uuid=wishes.newest(server.id).get(enrollment_id) if enrollment_id else "",
        serials=tuple(serials),
    )


def step(claimed: Claimed, answer: Answer | None, *, now: datetime) -> Step:
    """Note what became of a batch; or look for what is to be done, and end when that is nothing."""
    server = find(claimed.arguments["server"], lock=True)
    if server.token is None:
        raise Conflict(f"{server.name} is not connected: upload its server token")
    result = {"assigned": 0, "refused": 0, **(claimed.result or {})}
    if answer is not None:
        return _noted(server, claimed, answer, result, now=now)
    cursor = dict(claimed.cursor or {})
    if cursor.get("assigning"):
        # Nothing is due now. Look at everything again if somebody has wanted something since.
        if cursor.get("looked_at") == _touched(server):
            words = f"{result['assigned']:,} assigned, {result['refused']:,} to be tried again"
            return Step(done=claimed.done, message=words, result=result, finished=True)
        cursor = {}
    cursor.setdefault("looked_at", _touched(server))
    cursor["assigning"] = not wishes.work_out(server, now=now)
    return Step(done=claimed.done, cursor=cursor, result=result)


def _touched(server: DepVirtualServer) -> str:
    return server.updated_at.astimezone(UTC).isoformat()


def _due(server_id: int, now: datetime) -> list[sa.ColumnElement[bool]]:
    return [
        DepDevice.server_id == server_id,
        DepDevice.next_try_at <= now,
        sa.or_(DepDevice.enrollment_id.is_not(None), wishes.NONE_WANTED),
        DepDevice.deleted_at.is_(None),
        DepDevice.disowned_at.is_(None),
    ]


def _noted(
    server: DepVirtualServer,
    claimed: Claimed,
    answer: Answer,
    result: dict[str, Any],
    *,
    now: datetime,
) -> Step:
    batch, outcomes = answer.batch, answer.outcomes
    touched = server.updated_at
    if batch.profile_uuid is None or outcomes is None:
        taken, refused = 0, len(batch.serials)
        _wait_for_profile(server.id, batch, now)
    else:
        clear(server)
        taken, refused = note(server, batch, outcomes, now=now)
    session().flush()
    if server.updated_at != touched:  # clearing an error is no wish of anybody
        server.updated_at = touched
        session().flush()
    result = {
        "assigned": result["assigned"] + taken,
        "refused": result["refused"] + refused,
    }
    words = f"{result['assigned']:,} assigned, {result['refused']:,} to be tried again"
    done = claimed.done + len(batch.serials)
    return Step(done=done, cursor=claimed.cursor, message=words, result=result)


def note(
    server: DepVirtualServer, batch: Batch, outcomes: Outcomes, *, now: datetime
) -> tuple[int, int]:
    """Write down what became of each device; returns how many were taken, how many refused."""
    assert batch.profile_uuid is not None
    by_word: dict[str, list[str]] = {}
    for serial in batch.serials:
        by_word.setdefault(outcomes.devices.get(serial, ""), []).append(serial)
    taken = by_word.pop(dep_values.SUCCESS, [])
    _taken(server, batch, taken, now=now)
    for word, serials in by_word.items():
        _refused(server.id, batch, serials, word=word, wait=outcomes.retry_after, now=now)
    return len(taken), sum(map(len, by_word.values()))


def _taken(
    server: DepVirtualServer, batch: Batch, serials: Sequence[str], *, now: datetime
) -> None:
    if not serials:
        return
    reached = "removed" if batch.removes else "assigned"
    actual = {
        "profile_uuid": batch.profile_uuid,
        "profile_status": reached,
        "profile_assign_time": None if batch.removes else now,
        "profile_push_time": None,
        "assigned_at": now,
        "assignment_reason": None,
        "attempts": 0,
        "updated_at": now,
    }
    # Somebody may want another enrollment by now: then it is due again at once.
    still = DepDevice.enrollment_id == batch.enrollment_id
    _update(
        [DepDevice.server_id == server.id, DepDevice.serial_number.in_(serials)],
        {
            **actual,
            "assignment": sa.case((still, reached), else_="pending"),
            "next_try_at": sa.case((still, sa.null()), else_=DepDevice.next_try_at),
        },
    )
    telling = Telling(server_id=server.id, server_name=server.name, asked_at=now, now=now)
    more = {"enrollment": batch.enrollment_id, "profile_uuid": batch.profile_uuid}
    kind = "dep_device.unassigned" if batch.removes else "dep_device.assigned"
    noted = [(kind, serial, {} if batch.removes else more) for serial in serials]
    rows.note(noted, telling)


def _refused(
    server_id: int,
    batch: Batch,
    serials: Sequence[str],
    *,
    word: str,
    wait: int | None,
    now: datetime,
) -> None:
    """By the number of attempts so far, so that each group is one statement."""
    where = [
        DepDevice.server_id == server_id,
        DepDevice.serial_number.in_(serials),
        DepDevice.enrollment_id == batch.enrollment_id,
    ]
    reason = _REASONS.get(word) or f"Apple answered {word or 'nothing about it'}"
    if batch.removes and word == dep_values.FAILED:
        reason = "Apple could not take the profile away"
    state = {
        dep_values.NOT_ACCESSIBLE: "not_accessible",
        dep_values.THROTTLED: "throttled",
    }.get(word, "failed")
    values = {"assignment": state, "assignment_reason": reason[:500], "updated_at": now}
    if word == dep_values.THROTTLED:
        later = now + min(timedelta(seconds=wait or _THROTTLED), _LONGEST_WAIT)
        _update(where, {**values, "next_try_at": later})
        return
    first = _NOT_OURS if word == dep_values.NOT_ACCESSIBLE else _FIRST_WAIT
    numbers = session().scalars(sa.select(DepDevice.attempts).where(*where).distinct()).all()
    for attempts in numbers:
        later = now + min(first * 2 ** min(attempts, 10), _LONGEST_WAIT)
        given = {**values, "attempts": attempts + 1, "next_try_at": later}
        _update([*where, DepDevice.attempts == attempts, DepDevice.next_try_at <= now], given)


def _wait_for_profile(server_id: int, batch: Batch, now: datetime) -> None:
    """The enrollment has no profile, or Apple has forgotten it: devices wait, with the reason."""
    if batch.profile_uuid is not None:
        session().execute(
            sa.update(AdeProfile)
            .where(AdeProfile.profile_uuid == batch.profile_uuid, AdeProfile.state == "defined")
            .values(state="failed", error=LOST_PROFILE, updated_at=now),
            execution_options={"synchronize_session": False},
        )
    _update(
        [
            DepDevice.server_id == server_id,
            DepDevice.serial_number.in_(batch.serials),
            DepDevice.enrollment_id == batch.enrollment_id,
        ],
        {
            "assignment": "waiting",
            "assignment_reason": LOST_PROFILE if batch.profile_uuid else NO_PROFILE,
            "next_try_at": now + _UNDEFINED,
            "updated_at": now,
        },
    )


def _update(where: Sequence[sa.ColumnElement[bool]], values: Mapping[str, Any]) -> None:
    session().execute(
        sa.update(DepDevice).where(*where).values(**values),
        execution_options={"synchronize_session": False},
    )
