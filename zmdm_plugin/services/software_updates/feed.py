"""Apple's list of updates, kept: taken in as a whole, each release once, and none forgotten.

What makes a release the same tomorrow are platform, version, supplement and builds; its dates are
facts about it. What the feed lists no more is marked withdrawn and stays. Devices are told only
when something has changed that may concern them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.clients.software_lookup import Listed, Listing, LookupFailed
from zmdm_plugin.db import insert, session
from zmdm_plugin.errors import Conflict
from zmdm_plugin.models import AdeSettings, JobRun
from zmdm_plugin.models.base import new_uid
from zmdm_plugin.models.software_updates import (
    BlueprintEnforcement,
    SoftwareUpdate,
    SoftwareUpdateDevice,
    SoftwareUpdateEnforcement,
    SoftwareUpdateFeed,
)
from zmdm_plugin.protocol.platform import version
from zmdm_plugin.services import audit, job_runs, wake
from zmdm_plugin.services.job_runs import Step

JOB = "software_updates.sync"
TITLE = "Fetch Apple's list of software updates"
NAME = "software_lookup"
DAY = timedelta(hours=24)
AFTER_FAILURE = timedelta(hours=6)
_PARTS = 5
_FACTS = ("managed", "public", "posted_on", "expires_on")


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How the feed stands, for screens and programs."""

    read_at: datetime | None
    asked_at: datetime | None
    error: str | None
    releases: int
    running: str | None
    """The uid of the run that is at it now."""


def start(actor: Actor, *, now: datetime) -> JobRun:
    """Begin to fetch the list; Conflict while somebody else's fetch is under way."""
    _create_row()
    # The row's lock makes two who begin at once take turns: the second one sees the first's run.
    session().execute(
        sa.update(SoftwareUpdateFeed).where(SoftwareUpdateFeed.name == NAME).values(asked_at=now),
        execution_options={"synchronize_session": False},
    )
    if uid := running():
        raise Conflict(f"the list of updates is being fetched already (task {uid})")
    run = job_runs.start(JOB, actor, title=TITLE)
    audit.record(actor, "software_update.sync", run)
    return run


def running() -> str | None:
    """The uid of the fetch that is under way."""
    query = sa.select(JobRun.uid).where(JobRun.name == JOB, JobRun.finished_at.is_(None))
    return session().scalar(query.order_by(JobRun.id).limit(1))


def state() -> State:
    """How the feed stands."""
    row = session().get(SoftwareUpdateFeed, NAME)
    return State(
        read_at=row.read_at if row else None,
        asked_at=row.asked_at if row else None,
        error=row.error if row else None,
        releases=row.releases if row else 0,
        running=running(),
    )


def is_due(*, now: datetime) -> bool:
    """Whether the daily fetch is due. Apple is asked only once somebody has use for the list."""
    feed = state()
    if not (feed.asked_at is not None or _has_use()) or feed.running is not None:
        return False
    if feed.error is not None and feed.asked_at is not None:
        return now - feed.asked_at >= AFTER_FAILURE
    return feed.read_at is None or now - feed.read_at >= DAY


def _has_use() -> bool:
    """Whether updates are enforced, or asked for before a device may enroll."""
    enforced = sa.select(SoftwareUpdateEnforcement.id).limit(1)
    asked = (AdeSettings.ios_min_version, AdeSettings.macos_min_version)
    before = (column != "" for column in (*asked, AdeSettings.visionos_min_version))
    at_the_gate = sa.select(AdeSettings.id).where(sa.or_(*before)).limit(1)
    return any(session().scalar(query) is not None for query in (enforced, at_the_gate))


def note_outcome(uid: str) -> None:
    """Write down why a fetch came to nothing; the list stays as it was."""
    run = job_runs.find(uid)
    if run.state != "failed":
        return
    session().execute(
        sa.update(SoftwareUpdateFeed)
        .where(SoftwareUpdateFeed.name == NAME)
        .values(error=(run.message or "it failed")[:500]),
        execution_options={"synchronize_session": False},
    )


def store(listing: Listing, *, now: datetime) -> Step:
    """Take in an answer: a fixed number of statements, and twice the same changes nothing."""
    _create_row()
    row = session().get_one(SoftwareUpdateFeed, NAME)
    known = {_key(update): update for update in session().scalars(sa.select(SoftwareUpdate))}
    _refuse_gaps(listing, known.values())
    new = [one for one in listing.releases if one.key not in known]
    changed = [
        _changes(known[one.key], one)
        for one in listing.releases
        if one.key in known and _differs(known[one.key], one)
    ]
    listed = {one.key for one in listing.releases}
    gone = [
        {"id": update.id, "withdrawn_at": now, "updated_at": now}
        for key, update in known.items()
        if key not in listed and update.withdrawn_at is None
    ]
    ids = {key: update.id for key, update in known.items()} | _insert(new, now)
    _update([{**one, "updated_at": now} for one in changed])
    _update(gone)
    moved = _store_devices(listing.releases, ids)
    if new or changed or gone or moved or _crossed(known.values(), row.read_at, now):
        _tell_devices()
    row.read_at, row.digest, row.error = now, listing.digest, None
    row.releases = len(listing.releases)
    session().flush()
    session().expire_all()
    return _step(listing, new=len(new), changed=len(changed), withdrawn=len(gone), now=now)


def version_key(text: str) -> str:
    """A version so that text order is the order of versions."""
    numbers = (*version(text), *[0] * _PARTS)[:_PARTS]
    return ".".join(f"{number:09}" for number in numbers)


def _step(listing: Listing, *, new: int, changed: int, withdrawn: int, now: datetime) -> Step:
    number = len(listing.releases)
    said = f"{number:,} releases: {new:,} new, {changed:,} changed, {withdrawn:,} withdrawn"
    if listing.unreadable:
        said += f"; {listing.unreadable:,} entries could not be read"
    result = {
        "listed": number,
        "new": new,
        "changed": changed,
        "withdrawn": withdrawn,
        "unreadable": listing.unreadable,
        "read_at": now.isoformat(),
    }
    return Step(done=number, total=number, message=said, result=result, finished=True)


def _create_row() -> None:
    session().execute(
        insert(SoftwareUpdateFeed)
        .values(name=NAME, releases=0)
        .on_conflict_do_nothing(index_elements=[SoftwareUpdateFeed.name])
    )


def _key(update: SoftwareUpdate) -> tuple[str, str, str, str, str]:
    return (
        update.platform,
        update.version,
        update.extra,
        update.build,
        update.prerequisite_build,
    )


def _refuse_gaps(listing: Listing, known: Iterable[SoftwareUpdate]) -> None:
    """An answer without a whole platform is a fault at Apple's, not the end of that platform."""
    before = {one.platform for one in known if one.withdrawn_at is None and one.managed}
    missing = before - {one.platform for one in listing.releases if one.managed}
    if missing:
        names = ", ".join(sorted(missing))
        raise LookupFailed(f"Apple's list has nothing for {names}; the former list is kept")


def _differs(update: SoftwareUpdate, listed: Listed) -> bool:
    if update.withdrawn_at is not None:
        return True
    return any(getattr(update, name) != getattr(listed, name) for name in _FACTS)


def _changes(update: SoftwareUpdate, listed: Listed) -> dict[str, Any]:
    facts = {name: getattr(listed, name) for name in _FACTS}
    return {"id": update.id, "withdrawn_at": None, **facts}


def _insert(new: Sequence[Listed], now: datetime) -> dict[tuple[str, str, str, str, str], int]:
    if not new:
        return {}
    rows = [
        {
            "uid": new_uid(),
            "created_at": now,
            "updated_at": now,
            "platform": one.platform,
            "version": one.version,
            "version_key": version_key(one.version),
            "extra": one.extra,
            "build": one.build,
            "prerequisite_build": one.prerequisite_build,
            **{name: getattr(one, name) for name in _FACTS},
        }
        for one in new
    ]
    made = session().execute(
        sa.insert(SoftwareUpdate).returning(SoftwareUpdate.id, SoftwareUpdate.uid), rows
    )
    ids = {uid: row_id for row_id, uid in made}
    return {one.key: ids[row["uid"]] for one, row in zip(new, rows, strict=True)}


def _update(rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        session().execute(sa.update(SoftwareUpdate), [dict(row) for row in rows])


def _store_devices(releases: Sequence[Listed], ids: Mapping[Any, int]) -> bool:
    """Bring the hardware of each listed release up to date; whether anything was to do."""
    present: dict[int, set[str]] = {}
    pairs = sa.select(SoftwareUpdateDevice.update_id, SoftwareUpdateDevice.device_id)
    for update_id, device_id in session().execute(pairs):
        present.setdefault(update_id, set()).add(device_id)
    missing, moved = [], False
    for one in releases:
        update_id = ids[one.key]
        had = present.get(update_id, set())
        missing += [
            {"update_id": update_id, "device_id": device_id} for device_id in one.devices - had
        ]
        if lost := had - one.devices:
            moved = True
            session().execute(
                sa.delete(SoftwareUpdateDevice).where(
                    SoftwareUpdateDevice.update_id == update_id,
                    SoftwareUpdateDevice.device_id.in_(lost),
                ),
                execution_options={"synchronize_session": False},
            )
    if missing:
        session().execute(sa.insert(SoftwareUpdateDevice), missing)
    return moved or bool(missing)


def _crossed(known: Iterable[SoftwareUpdate], read_at: datetime | None, now: datetime) -> bool:
    """Whether a release began or ceased to be installable since the list was last read."""
    if read_at is None:
        return False
    before, today = read_at.date(), now.date()
    return any(
        _passed(one.posted_on, before, today)
        or (one.expires_on is not None and before <= one.expires_on < today)
        for one in known
        if one.withdrawn_at is None
    )


def _passed(day: date | None, before: date, today: date) -> bool:
    return day is not None and before < day <= today


def _tell_devices() -> None:
    """Devices whose blueprint enforces updates are planned anew, and woken at the push rate."""
    ids = session().scalars(sa.select(BlueprintEnforcement.blueprint_id).distinct())
    for blueprint_id in sorted(ids):
        wake.blueprint(blueprint_id)
