"""What operators and programs order: enrollments for devices, defaults, refreshing, disowning.

An assignment is a wish that is kept here; a run per service carries it to Apple.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.clients import dep_values
from zmdm_plugin.clients.dep_values import DepDevice as Told
from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict, NotFound, Refused
from zmdm_plugin.models import AdeSettings, DepDevice, DepVirtualServer, Enrollment, JobRun
from zmdm_plugin.services import access, audit, events, job_runs
from zmdm_plugin.services.apps_books import reclaim
from zmdm_plugin.services.dep import assigning, listing, rows
from zmdm_plugin.services.dep.connection import find
from zmdm_plugin.services.dep.listing import DepFilter
from zmdm_plugin.services.dep.rows import Telling
from zmdm_plugin.services.job_runs import Claimed, Step

JOB: Final = "dep.want"
MOST_IDS: Final = 1000
_CHUNK: Final = 1000
_LIVE: Final = (DepDevice.deleted_at.is_(None), DepDevice.disowned_at.is_(None))


def enrollments(server_id: int) -> Sequence[Enrollment]:
    """The ADE enrollments of a service, by name."""
    query = (
        sa.select(Enrollment)
        .join(AdeSettings, AdeSettings.enrollment_id == Enrollment.id)
        .where(AdeSettings.server_id == server_id, Enrollment.revoked_at.is_(None))
        .order_by(Enrollment.name)
        .limit(500)
    )
    return session().scalars(query).all()


def server_of(enrollment_id: int) -> int:
    """The service that an ADE enrollment is for; Refused if it is none, or is revoked."""
    row = (
        session()
        .execute(
            sa.select(AdeSettings.server_id, Enrollment.revoked_at)
            .join(Enrollment, Enrollment.id == AdeSettings.enrollment_id)
            .where(AdeSettings.enrollment_id == enrollment_id)
        )
        .one_or_none()
    )
    if row is None:
        raise Refused("enrollment", "there is no such enrollment for Automated Device Enrollment")
    if row.revoked_at is not None:
        raise Refused("enrollment", "it is revoked")
    return int(row.server_id)


def set_default(
    server_id: int, enrollment_id: int | None, *, actor: Actor, now: datetime
) -> DepVirtualServer:
    """The enrollment for devices that come without a profile, or with one that was never ours."""
    server = find(server_id, lock=True)
    if enrollment_id is not None and server_of(enrollment_id) != server_id:
        raise Refused("default_enrollment", f"it is for another virtual server than {server.name}")
    before = audit.snapshot(server)
    server.default_enrollment_id = enrollment_id
    session().flush()
    after = audit.snapshot(server)
    audit.record(actor, "dep_virtual_server.default", server, before=before, after=after)
    if enrollment_id is not None and server.token is not None:
        assigning.wake(server_id, now=now)
    return server


def assign(ids: Sequence[int], enrollment_id: int | None, *, actor: Actor, now: datetime) -> JobRun:
    """Want these devices to have the profile of an enrollment of their service; None: to have none.

    Returns the run that carries it to Apple.
    """
    if not 0 < len(ids) <= MOST_IDS:
        raise Refused("ids", f"1 to {MOST_IDS} devices; use a filter for more")
    if enrollment_id is None:
        server_id = _only_server([DepDevice.id.in_(ids)], "ids")
    else:
        server_id = server_of(enrollment_id)
    find(server_id, lock=True)
    found = session().scalars(sa.select(DepDevice).where(DepDevice.id.in_(ids))).all()
    if len(found) != len(set(ids)):
        raise NotFound("there is no such DEP device")
    for row in found:
        if row.server_id != server_id:
            raise Refused(
                "enrollment", f"it is for another virtual server than {row.serial_number}"
            )
        if row.deleted_at is not None or row.disowned_at is not None:
            raise Conflict(f"{row.serial_number} is not assigned to this virtual server any more")
    for row in found:
        before = audit.snapshot(row)
        _want(row, enrollment_id, now)
        after = audit.snapshot(row)
        action = "dep_device.assign" if enrollment_id is not None else "dep_device.unassign"
        audit.record(actor, action, row, before=before, after=after)
    session().flush()
    return assigning.wake(server_id, actor=actor, now=now)


def _only_server(conditions: Sequence[sa.ColumnElement[bool]], name: str) -> int:
    """The service of all these devices; Refused if they are of several."""
    query = sa.select(DepDevice.server_id).where(*conditions).distinct().limit(2)
    found = session().scalars(query).all()
    if len(found) > 1:
        raise Refused(name, "they are of several virtual servers: choose those of one")
    if not found:
        raise NotFound("there is no such DEP device")
    return found[0]


def count(wanted: DepFilter) -> int:
    """How many devices match that could be assigned."""
    query = sa.select(sa.func.count()).select_from(DepDevice)
    return session().scalar(query.where(*wanted.conditions(), *_LIVE)) or 0


def assign_all(
    wanted: DepFilter, enrollment_id: int | None, *, confirmed: int, actor: Actor
) -> JobRun:
    """Want it for all that match now; Conflict if these are more than were confirmed."""
    access.demand(actor, access.CHANGE_DEP_DEVICES)
    if enrollment_id is None:
        server_id = _only_server([*wanted.conditions(), *_LIVE], "filter")
    else:
        server_id = server_of(enrollment_id)
    wanted = DepFilter(**{**wanted.as_json(), "virtual_server": server_id})
    number = count(wanted)
    if not number:
        raise Refused("filter", "no device of that virtual server matches")
    if number > confirmed:
        raise Conflict(f"{number} devices match by now, not {confirmed}: look again")
    highest = session().scalar(sa.select(sa.func.max(DepDevice.id)).where(*wanted.conditions()))
    title = "Take the enrollment off DEP devices"
    if enrollment_id is not None:
        name = listing.names(Enrollment, [enrollment_id])[enrollment_id]
        title = f"Assign {name} to DEP devices"
    arguments = {
        "server": server_id,
        "enrollment": enrollment_id,
        "filter": wanted.as_json(),
        "up_to": highest,
    }
    run = job_runs.start(JOB, actor, title=title[:200], arguments=arguments, total=number)
    audit.record(actor, "dep_device.assign_all", run, after=audit.snapshot(run))
    return run


def step(claimed: Claimed, *, now: datetime) -> Step:
    """Some more of the devices that match."""
    arguments: Any = claimed.arguments
    access.demand(claimed.actor, access.CHANGE_DEP_DEVICES)
    enrollment_id: int | None = arguments["enrollment"]
    server_id = int(arguments["server"])
    if enrollment_id is not None and server_of(enrollment_id) != server_id:
        raise Conflict("the enrollment is for another virtual server by now")
    find(server_id, lock=True)
    after = int((claimed.cursor or {}).get("id", 0))
    wanted = DepFilter.from_json(arguments["filter"]).conditions()
    some = sa.select(DepDevice.id).where(
        *wanted, *_LIVE, DepDevice.id > after, DepDevice.id <= arguments["up_to"]
    )
    ids = session().scalars(some.order_by(DepDevice.id).limit(_CHUNK)).all()
    session().execute(
        sa.update(DepDevice).where(DepDevice.id.in_(ids)).values(**_wish(enrollment_id, now)),
        execution_options={"synchronize_session": False},
    )
    finished = len(ids) < _CHUNK
    if finished:
        assigning.wake(server_id, now=now)
    done = claimed.done + len(ids)
    return Step(
        done=done,
        total=done if finished else None,
        cursor={"id": ids[-1] if ids else after},
        message=f"{done:,} are to be assigned",
        result={"devices": done, "enrollment": enrollment_id},
        finished=finished,
    )


def note_details(
    device_id: int, told: Told | None, *, asked_at: datetime, actor: Actor, now: datetime
) -> DepDevice:
    """Take in what Apple says of one device; Conflict if it says that it is not ours."""
    row = listing.device(device_id)
    server = find(row.server_id, lock=True)
    if told is None or told.response_status not in ("", dep_values.SUCCESS):
        word = told.response_status if told else "nothing about it"
        raise Conflict(
            f"Apple says {word} of {row.serial_number}; the next full synchronization will tell "
            "whether it is gone"
        )
    telling = Telling(
        server_id=server.id, server_name=server.name, asked_at=asked_at, now=now,
        fetch=server.fetch_number,
    )  # fmt: skip
    rows.write(telling, [told])
    row = listing.device(device_id)
    audit.record(actor, "dep_device.refresh", row)
    if assigning.is_behind(server, now=now):
        assigning.wake(server.id, now=now)
    return row


def begin_disowning(device_id: int, *, actor: Actor) -> DepDevice:
    """Before Apple is asked: who wanted it, in the audit whatever happens then."""
    row = listing.device(device_id)
    if row.disowned_at is not None:
        raise Conflict(f"{row.serial_number} was disowned already")
    audit.record(actor, "dep_device.disown", row, before=audit.snapshot(row))
    return row


def disowned(device_id: int, *, word: str, actor: Actor, now: datetime) -> DepDevice:
    """Keep what Apple answered; SUCCESS is for ever."""
    row = listing.device(device_id)
    find(row.server_id, lock=True)
    row = listing.device(device_id)
    if word == dep_values.SUCCESS:
        row.disowned_at, row.next_try_at, row.assignment = now, None, "none"
        row.assignment_reason = None
        reclaim.given_up([row.serial_number])
        events.record("dep_device.disowned", serial_number=row.serial_number, server=row.server_id)
    after = audit.snapshot(row)
    audit.record(actor, "dep_device.disown_answered", row, after=after, reason=f"Apple: {word}")
    session().flush()
    return row


def _want(row: DepDevice, enrollment_id: int | None, now: datetime) -> None:
    for name, value in _wish(enrollment_id, now).items():
        setattr(row, name, value)


def _wish(enrollment_id: int | None, now: datetime) -> dict[str, Any]:
    return {
        "enrollment_id": enrollment_id,
        "assignment": "pending",
        "assignment_reason": None,
        "attempts": 0,
        "next_try_at": now,
        "updated_at": now,
    }
