"""The numbers of the first screen, in a fixed number of statements for any fleet.

One pass over the devices gives every count and three charts; commands are counted up to a limit
or among the newest only, for their table grows for ever.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.models import (
    Channel,
    ChannelCommand,
    Device,
    JobRun,
)
from zmdm_plugin.services import access, expiries
from zmdm_plugin.services.device_filter import in_state
from zmdm_plugin.services.expiries import Expiring

SILENT = timedelta(days=7)
MOST = 1000
"""Counts of commands and tokens stop here: nobody acts differently on the exact number."""
NEWEST = 10_000
"""Commands whose states are drawn."""
DAYS = 30
FAILED = ("error", "expired", "unknown")
_COUNTS = 7
"""Numbers of the fleet, before those by age."""
_DAY = 86_400
_AGES = (
    ("1h", timedelta(hours=1)),
    ("1d", timedelta(days=1)),
    ("7d", timedelta(days=7)),
    ("30d", timedelta(days=30)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Devices by state, and those that are enrolled by platform, OS version and last seen."""

    total: int
    enrolled: int
    """Leaving or not."""
    leaving: int
    silent: int
    """Enrolled, but not seen for a week."""
    checked_out: int
    released: int
    blocked: int
    platforms: list[tuple[str | None, int]]
    versions: list[tuple[str | None, str | None, int]]
    seen: dict[str, int]
    """By age: within 1h, 1d, 7d, 30d, each with those before it; the rest is `older`."""


def fleet(actor: Actor, *, now: datetime) -> Fleet:
    """One pass over the devices that the actor may see; the archive is no part of the fleet."""
    leaving = in_state("leaving")
    enrolled = sa.or_(in_state("enrolled"), leaving)
    young = [sa.and_(enrolled, Device.seen_hour >= now - age) for _, age in _AGES]
    counted = (
        sa.true(),
        enrolled,
        leaving,
        sa.and_(enrolled, Device.seen_hour < now - SILENT),
        in_state("checked_out"),
        in_state("released"),
        in_state("blocked"),
        *young,
    )
    rows = session().execute(
        sa.select(
            Device.platform,
            Device.os_version,
            *(sa.func.count(sa.case((condition, 1))) for condition in counted),
        )
        .where(Device.archived_at.is_(None), *_scope(actor))
        .group_by(Device.platform, Device.os_version)
    )
    return _fleet([(row[0], row[1], tuple(row[2:])) for row in rows])


def _fleet(rows: Sequence[tuple[str | None, str | None, tuple[int, ...]]]) -> Fleet:
    sums = [sum(column) for column in zip(*(row[2] for row in rows), strict=True)]
    counts, young = sums[:_COUNTS] or [0] * _COUNTS, sums[_COUNTS:] or [0] * len(_AGES)
    total, enrolled, leaving, silent, checked_out, released, blocked = counts
    platforms: Counter[str | None] = Counter()
    for platform, _, numbers in rows:
        platforms[platform] += numbers[1]
    versions = [(platform, version, numbers[1]) for platform, version, numbers in rows]
    seen = {name: number for (name, _), number in zip(_AGES, young, strict=True)}
    seen["older"] = enrolled - young[-1]
    return Fleet(
        total=total,
        enrolled=enrolled,
        leaving=leaving,
        silent=silent,
        checked_out=checked_out,
        released=released,
        blocked=blocked,
        platforms=[item for item in platforms.most_common() if item[1]],
        versions=sorted((item for item in versions if item[2]), key=lambda item: -item[2]),
        seen=seen,
    )


def enrollments(actor: Actor, *, now: datetime) -> list[tuple[date, int]]:
    """How many of today's devices came on each of the last days, the oldest first (UTC)."""
    today = int(now.timestamp()) // _DAY
    first = datetime.fromtimestamp((today - DAYS + 1) * _DAY, tz=now.tzinfo)
    day = sa.cast(sa.extract("epoch", Device.enrolled_at), sa.BigInteger) // sa.literal(
        _DAY, sa.BigInteger
    )
    rows = session().execute(
        sa.select(day, sa.func.count())
        .where(Device.enrolled_at >= first, *_scope(actor))
        .group_by(sa.literal_column("1"))
    )
    counted = {int(number): count for number, count in rows}
    start = first.date()
    numbers = range(today - DAYS + 1, today + 1)
    return [
        (start + timedelta(days=offset), counted.get(number, 0))
        for offset, number in enumerate(numbers)
    ]


def outstanding(actor: Actor) -> int:
    """Commands that are not finished, up to MOST + 1."""
    return _up_to(actor, ChannelCommand.finished_at.is_(None))


def failed(actor: Actor) -> int:
    """Commands that failed, up to MOST + 1."""
    # Written out: a database uses a partial index only if it sees the condition as it plans.
    listed = ", ".join(f"'{state}'" for state in FAILED)
    return _up_to(actor, sa.text(f"zmdm_command.state IN ({listed})"))


def not_wakeable(actor: Actor) -> int:
    """Enrolled devices whose push token Apple calls dead, up to MOST + 1."""
    some = (
        sa.select(Channel.id)
        .join(Device, Device.id == Channel.device_id)
        .where(Channel.push_dead_at.is_not(None), Channel.ended_at.is_(None), Channel.key == "")
        .where(sa.not_(Device.dismissed), *_scope(actor))
    )
    return _limited(some)


def states(actor: Actor) -> list[tuple[str, int]]:
    """The newest commands by state, the most frequent first."""
    newest = sa.select(ChannelCommand.state.label("state"))
    newest = _seen_by(newest, actor).order_by(ChannelCommand.id.desc()).limit(NEWEST)
    some = newest.subquery()
    number = sa.func.count()
    rows = session().execute(
        sa.select(some.c.state, number).group_by(some.c.state).order_by(number.desc())
    )
    return [(state, count) for state, count in rows]


def expiring(*, now: datetime) -> list[Expiring]:
    """Credentials that end within a month, the first to end first."""
    return expiries.near(now=now)


def running(*, owner: str | None, limit: int = 5) -> Sequence[JobRun]:
    """Long work that is not finished: everybody's, or that of one person."""
    query = sa.select(JobRun).where(JobRun.finished_at.is_(None))
    if owner is not None:
        query = query.where(JobRun.owner_id == owner)
    return session().scalars(query.order_by(JobRun.id.desc()).limit(limit)).all()


def _up_to(actor: Actor, condition: Any) -> int:
    return _limited(_seen_by(sa.select(ChannelCommand.id), actor).where(condition))


def _limited(some: sa.Select[Any]) -> int:
    first = some.limit(MOST + 1).subquery()
    return session().scalar(sa.select(sa.func.count()).select_from(first)) or 0


def _seen_by(query: sa.Select[Any], actor: Actor) -> sa.Select[Any]:
    """Commands of devices that the actor may see; without a scope nothing is joined."""
    scope = _scope(actor, access.VIEW_COMMANDS)
    if not scope:
        return query
    return query.join(Device, Device.id == ChannelCommand.device_id).where(*scope)


def _scope(actor: Actor, permission: str = access.VIEW_DEVICES) -> list[Any]:
    condition = access.row_scope(actor, permission)
    return [] if condition is None else [condition]
