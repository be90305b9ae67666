"""Which enrollment each device is meant to have, and which devices have another profile than that.

Set-based: a step looks at every device of a service in a fixed number of statements.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from zmdm_plugin.db import session
from zmdm_plugin.models import AdeProfile, DepDevice, DepVirtualServer

CHUNK: Final = 5000
_IN_FORCE: Final = ("assigned", "pushed")
NONE_WANTED: Final = sa.and_(DepDevice.enrollment_id.is_(None), DepDevice.assignment != "none")
"""Somebody wants the device to have no profile, which no default changes."""
_NOTHING_WANTED: Final = (DepDevice.enrollment_id.is_(None), DepDevice.assignment == "none")
Change = tuple[list[sa.ColumnElement[bool]], dict[str, Any]]


def newest(server_id: int) -> dict[int, str]:
    """The profile that an enrollment's devices are to have, by enrollment."""
    found = session().execute(
        sa.select(AdeProfile.enrollment_id, AdeProfile.profile_uuid)
        .where(
            AdeProfile.server_id == server_id,
            AdeProfile.state == "defined",
            AdeProfile.profile_uuid.is_not(None),
        )
        .order_by(AdeProfile.id)
    )
    return {enrollment_id: str(uuid) for enrollment_id, uuid in found}


def exist(server: DepVirtualServer) -> bool:
    """Whether a look at everything would change anything."""
    now = server.updated_at
    return any(
        session().scalar(sa.select(DepDevice.id).where(*conditions).limit(1)) is not None
        for conditions, _ in _changes(server, now)
    )


def work_out(server: DepVirtualServer, *, now: datetime) -> bool:
    """Give wishes to devices without any, and make those due that have another profile.

    False once there is nothing more of that kind to do.
    """
    more = False
    for conditions, values in _changes(server, now):
        chosen = sa.select(DepDevice.id).where(*conditions).order_by(DepDevice.id).limit(CHUNK)
        done = session().execute(
            sa.update(DepDevice)
            .where(DepDevice.id.in_(chosen))
            .values(**values, updated_at=now)
            .returning(DepDevice.id),
            execution_options={"synchronize_session": False},
        )
        more = len(done.all()) == CHUNK or more
    return more


def _changes(server: DepVirtualServer, now: datetime) -> Iterator[Change]:
    """Each change with the devices that it is for; made, it is for none any more."""
    here = [
        DepDevice.server_id == server.id,
        DepDevice.deleted_at.is_(None),
        DepDevice.disowned_at.is_(None),
    ]
    pending = {
        "assignment": "pending",
        "assignment_reason": None,
        "attempts": 0,
        "next_try_at": now,
    }
    idle = sa.or_(DepDevice.next_try_at.is_(None), DepDevice.assignment == "waiting")
    yield _adopted(server.id, here)
    if server.default_enrollment_id is not None:
        unwanted = [*here, *_NOTHING_WANTED, sa.or_(_bare(), _foreign())]
        yield unwanted, {**pending, "enrollment_id": server.default_enrollment_id}
    yield [*here, NONE_WANTED, idle, sa.not_(_bare())], pending
    yield _settled([*here, NONE_WANTED, _bare()], "removed")
    for enrollment_id, uuid in newest(server.id).items():
        wanted = [*here, DepDevice.enrollment_id == enrollment_id]
        yield [*wanted, idle, sa.or_(DepDevice.profile_uuid != uuid, _bare())], pending
        reached = [DepDevice.profile_uuid == uuid, sa.not_(_bare())]
        yield _settled([*wanted, *reached], "assigned")


def _settled(reached: list[sa.ColumnElement[bool]], state: str) -> Change:
    """Desired and actual are one, whoever brought that about."""
    unsettled = sa.or_(DepDevice.next_try_at.is_not(None), DepDevice.assignment != state)
    values = {
        "assignment": state,
        "assignment_reason": None,
        "attempts": 0,
        "next_try_at": None,
    }
    return [*reached, unsettled], values


def _adopted(server_id: int, here: list[sa.ColumnElement[bool]]) -> Change:
    """A device with a profile of ours that nobody is known to have wanted: Apple's books count."""
    profile = aliased(AdeProfile)
    of_it = (
        sa.select(profile.enrollment_id)
        .where(profile.profile_uuid == DepDevice.profile_uuid, profile.server_id == server_id)
        .correlate(DepDevice)
    )
    conditions = [
        *here,
        *_NOTHING_WANTED,
        DepDevice.profile_uuid != "",
        DepDevice.profile_status.in_(_IN_FORCE),
        of_it.exists(),
    ]
    return conditions, {"enrollment_id": of_it.scalar_subquery(), "assignment": "assigned"}


def _bare() -> sa.ColumnElement[bool]:
    """It has no profile, or has had it taken away."""
    return sa.or_(DepDevice.profile_uuid == "", DepDevice.profile_status.not_in(_IN_FORCE))


def _foreign() -> sa.ColumnElement[bool]:
    """Its profile was never one of ours, whatever has become of ours since."""
    ours = sa.select(AdeProfile.id).where(AdeProfile.profile_uuid == DepDevice.profile_uuid)
    return ~ours.correlate(DepDevice).exists()
