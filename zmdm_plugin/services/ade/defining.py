"""The profiles of ADE enrollments at Apple: wanted here, defined by a job, followed by the next.

A profile at Apple never changes, so an edit is another one. The former goes on: its address and
its secret hold, for devices in boxes ask there, and its UUID stays known as ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict, NotFound, ZmdmError
from zmdm_plugin.models import AdeProfile, DepDevice, DepVirtualServer, Enrollment, JobRun
from zmdm_plugin.services import events, job_runs, vault
from zmdm_plugin.services.ade import profile
from zmdm_plugin.services.dep import connection
from zmdm_plugin.services.dep.rows import wire_uuid
from zmdm_plugin.services.job_runs import Claimed

JOB: Final = "ade.define"
WANTED, DEFINED, SUPERSEDED, FAILED = "wanted", "defined", "superseded", "failed"
RETRY: Final = timedelta(minutes=10)
"""After which a profile that Apple could not take, through no fault of its own, is tried again."""
_LONGEST: Final = 500
_GIVEN_BEFORE: Final = "Apple answered with a profile that it had before: change something and save"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One profile that Apple is to be given; `content` holds the secret, log it nowhere."""

    profile_id: int
    server_id: int
    content: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an enrollment's profile stands at Apple."""

    profile: AdeProfile | None
    """The newest."""
    defined: AdeProfile | None
    """The newest that Apple has: devices are moved to this one."""
    assigned: int
    """Devices that have any profile of it at Apple."""
    desired: int
    """Devices that shall have it."""


def want(row: Enrollment, actor: Actor) -> JobRun | None:
    """Have the profile defined, if Apple would be told something else than it has been."""
    return _want(row, actor, always=False)


def want_again(row: Enrollment, actor: Actor) -> JobRun:
    """Have it defined in any case: Apple refused it, or has lost it."""
    run = _want(row, actor, always=True)
    assert run is not None
    return run


def _want(row: Enrollment, actor: Actor, *, always: bool) -> JobRun | None:
    session().refresh(row, with_for_update={"of": Enrollment})
    settings = row.ade
    assert settings is not None
    content = profile.content(settings)
    digest = profile.digest(content)
    newest = _newest(row.id)
    if newest is not None and not always and newest.digest == digest and newest.state != FAILED:
        return None
    for earlier in session().scalars(_of(row.id).where(AdeProfile.state.in_((WANTED, FAILED)))):
        earlier.state = SUPERSEDED
    wanted = AdeProfile(
        enrollment_id=row.id, server_id=settings.server_id, content=content, digest=digest
    )
    wanted.state = WANTED
    session().add(wanted)
    session().flush()
    return _start(wanted, row.name, actor)


def order(claimed: Claimed, *, now: datetime) -> Order | None:
    """What the run is to give to Apple; None once it is defined, or another has taken its place.

    That Apple is asked is written down first: if the answer is lost, or whoever waits for it dies,
    Apple may have a profile that we do not know. It is asked again, and that is known.
    """
    wanted = session().get(AdeProfile, int(claimed.arguments["profile_id"]))
    if wanted is None or wanted.state != WANTED:
        return None
    row = session().get_one(Enrollment, wanted.enrollment_id)
    secret = vault.unseal(row, "secret")
    if secret is None:
        raise NotFound("the enrollment has no secret")
    if wanted.asked_at is not None:
        wanted.unanswered += 1
        events.record("ade_profile.unanswered", enrollment=row.id, name=row.name)
    wanted.asked_at = now
    session().flush()
    content = profile.revealed(wanted.content, secret.decode())
    return Order(profile_id=wanted.id, server_id=wanted.server_id, content=content)


def defined(profile_id: int, profile_uuid: str, *, now: datetime) -> AdeProfile:
    """Apple has taken it: the ones before it are superseded; so is this, if it came too late.

    A UUID that is another profile's already is no new profile: then what was defined before holds.
    """
    made = session().get_one(AdeProfile, profile_id)
    row = session().get_one(Enrollment, made.enrollment_id, with_for_update={"of": Enrollment})
    session().refresh(made)
    uuid = wire_uuid(profile_uuid)
    known = sa.select(AdeProfile.id).where(AdeProfile.profile_uuid == uuid)
    if session().scalar(known.where(AdeProfile.id != made.id)) is not None:
        refused(made.id, Conflict(_GIVEN_BEFORE), final=True, lost=False)
        return made
    made.profile_uuid = uuid
    made.defined_at, made.error, made.asked_at = now, None, None
    if made.state == WANTED:
        made.state = DEFINED
        former = _of(row.id).where(AdeProfile.state == DEFINED, AdeProfile.id != made.id)
        for earlier in session().scalars(former):
            earlier.state = SUPERSEDED
    session().flush()
    events.record("ade_profile.defined", enrollment=row.id, name=row.name, uuid=made.profile_uuid)
    return made


def moves_devices(made: AdeProfile) -> bool:
    """Whether there are devices that are to have this profile now."""
    meant = sa.select(DepDevice.id).where(DepDevice.enrollment_id == made.enrollment_id).limit(1)
    return made.state == DEFINED and session().scalar(meant) is not None


def refused(profile_id: int, error: ZmdmError, *, final: bool, lost: bool) -> None:
    """Apple did not take it; `final`: it never will, so that only an edit helps.

    `lost`: nobody knows, for Apple was asked and its answer did not come.
    """
    wanted = session().get(AdeProfile, profile_id)
    if wanted is None or wanted.state != WANTED:
        return
    wanted.error = str(error)[:_LONGEST]
    if not lost:
        wanted.asked_at = None
    if final:
        wanted.state = FAILED
    session().flush()
    events.record("ade_profile.refused", enrollment=wanted.enrollment_id, error=wanted.error)


def open_runs(enrollment_id: int) -> list[str]:
    """Runs that are to define a profile of this enrollment, the oldest first."""
    query = sa.select(JobRun).where(JobRun.name == JOB, JobRun.finished_at.is_(None))
    runs = session().scalars(query.order_by(JobRun.id))
    return [run.uid for run in runs if run.arguments.get("enrollment_id") == enrollment_id]


def retry(actor: Actor, *, now: datetime) -> int:
    """Start runs for profiles that still wait for Apple; returns how many."""
    at_work = {
        run.arguments.get("profile_id")
        for run in session().scalars(
            sa.select(JobRun).where(JobRun.name == JOB, JobRun.finished_at.is_(None))
        )
    }
    waiting = session().execute(
        sa.select(AdeProfile, Enrollment.name)
        .join(Enrollment, Enrollment.id == AdeProfile.enrollment_id)
        .join(DepVirtualServer, DepVirtualServer.id == AdeProfile.server_id)
        .where(
            AdeProfile.state == WANTED,
            AdeProfile.updated_at <= now - RETRY,
            *connection.askable(now),
        )
        .order_by(AdeProfile.id)
        .limit(100)
    )
    started = 0
    for wanted, name in waiting.all():
        if wanted.id not in at_work:
            wanted.updated_at = now
            _start(wanted, name, actor)
            started += 1
    return started


def standings(ids: Iterable[int]) -> dict[int, Standing]:
    """How the profiles of some enrollments stand; a fixed number of statements."""
    wanted = list(ids)
    newest, present = _latest(wanted), _latest(wanted, AdeProfile.state == DEFINED)
    live = (DepDevice.deleted_at.is_(None), DepDevice.disowned_at.is_(None))
    assigned = _counts(
        sa.select(AdeProfile.enrollment_id, sa.func.count(DepDevice.id))
        .join(DepDevice, DepDevice.profile_uuid == AdeProfile.profile_uuid)
        .where(AdeProfile.enrollment_id.in_(wanted), *live)
        .group_by(AdeProfile.enrollment_id)
    )
    desired = _counts(
        sa.select(DepDevice.enrollment_id, sa.func.count(DepDevice.id))
        .where(DepDevice.enrollment_id.in_(wanted), *live)
        .group_by(DepDevice.enrollment_id)
    )
    return {
        one: Standing(
            profile=newest.get(one),
            defined=present.get(one),
            assigned=assigned.get(one, 0),
            desired=desired.get(one, 0),
        )
        for one in wanted
    }


def _start(wanted: AdeProfile, name: str, actor: Actor) -> JobRun:
    return job_runs.start(
        JOB,
        actor,
        title=f"Define the profile of {name} at Apple",
        arguments={"profile_id": wanted.id, "enrollment_id": wanted.enrollment_id},
        total=1,
    )


def _of(enrollment_id: int) -> sa.Select[AdeProfile]:
    return sa.select(AdeProfile).where(AdeProfile.enrollment_id == enrollment_id)


def _newest(enrollment_id: int) -> AdeProfile | None:
    return session().scalar(_of(enrollment_id).order_by(AdeProfile.id.desc()).limit(1))


def _latest(ids: list[int], *only: sa.ColumnElement[bool]) -> dict[int, AdeProfile]:
    last = (
        sa.select(sa.func.max(AdeProfile.id))
        .where(AdeProfile.enrollment_id.in_(ids), *only)
        .group_by(AdeProfile.enrollment_id)
    )
    rows = session().scalars(sa.select(AdeProfile).where(AdeProfile.id.in_(last)))
    return {row.enrollment_id: row for row in rows}


def _counts(query: sa.Select[Any, int]) -> dict[int, int]:
    return {one: number for one, number in session().execute(query)}
