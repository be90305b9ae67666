"""A sync of a location, page by page: ask Apple, then store the answer and where to go on.

Full: registration, limits, assets, all licences, and what was not met is gone. Incremental: assets
with their numbers, licences that are newer than the last sync, and assets whose numbers do not
agree with their licences are read anew. If the books change while they are read, reading begins
again; after some times it goes on, and what has gone is left to the next sync.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict
from zmdm_plugin.models import JobRun, Location, LocationAsset
from zmdm_plugin.queues import defer
from zmdm_plugin.services import audit, events, job_runs
from zmdm_plugin.services.apps_books import connection, removal, sync_steps
from zmdm_plugin.services.apps_books.sync_steps import Place
from zmdm_plugin.services.job_runs import Claimed, Step

JOB = "apps_books.sync"
MODES: Final = ("incremental", "full", "stale")


def start(actor: Actor, location: Location, mode: str = "incremental") -> JobRun:
    """Begin a sync; Conflict while one of this location is under way."""
    connection.find(location.id, lock=True)  # two who begin at once take turns
    removal.refuse(location)
    if uid := running(location.id):
        raise Conflict(f"{location.name} is being synchronized already (task {uid})")
    run = job_runs.start(
        JOB,
        actor,
        title=f"Synchronize the location {location.name}",
        arguments={"location": location.id, "mode": mode},
    )
    audit.record(actor, "location.sync", location)
    return run


def running(location_id: int) -> str | None:
    """The uid of the sync of this location that is under way."""
    query = sa.select(JobRun.uid, JobRun.arguments).where(
        JobRun.name == JOB, JobRun.finished_at.is_(None)
    )
    for uid, arguments in session().execute(query.order_by(JobRun.id)):
        if arguments.get("location") == location_id:
            found: str = uid
            return found
    return None


def place_of(claimed: Claimed) -> Place:
    """Where the run stands."""
    return Place(**claimed.cursor) if claimed.cursor else Place()


def store(claimed: Claimed, place: Place, answer: Any, *, now: datetime) -> Step:
    """Keep the answer, and say where to go on."""
    location = connection.find(int(claimed.arguments["location"]))
    mode = str(claimed.arguments.get("mode", "incremental"))
    following = sync_steps.STORE[place.phase](place, location, answer, now, mode)
    done = following.counts.get("licences", 0) + following.counts.get("assets", 0)
    if following.phase != "done":
        total = _total(location) if following.phase == "assignments" else None
        return Step(done=done, total=total, cursor=asdict(following), message=_doing(following))
    _finish(location, mode, following, now)
    return Step(
        done=done, total=done, message=_summary(following), result=following.counts, finished=True
    )


def _total(location: Location) -> int:
    query = sa.select(sa.func.sum(LocationAsset.assigned_count), sa.func.count())
    assigned, assets = (
        session().execute(query.where(LocationAsset.location_id == location.id)).one()
    )
    return int(assigned or 0) + int(assets)


def _doing(place: Place) -> str:
    again = ", once more, for it had changed" if place.restarts else ""
    words = {
        "register": "telling Apple who manages the location",
        "config": "asking for limits",
        "assets": f"reading apps and books, page {place.page + 1}{again}",
        "assignments": f"reading licences, page {place.page + 1}{again}",
        "sweep": "removing licences that are gone",
        "check": "comparing numbers",
        "asset": "reading one asset anew",
    }
    return words.get(place.phase, "reading one asset anew")


def _summary(place: Place) -> str:
    counts = place.counts
    said = f"{counts.get('assets', 0):,} apps and books, {counts.get('licences', 0):,} licences"
    for name, words in (("new", "new"), ("gone", "gone"), ("reread", "assets read anew")):
        if counts.get(name):
            said += f", {counts[name]:,} {words}"
    if counts.get("unreadable"):
        said += f"; {counts['unreadable']:,} entries could not be read"
    return said + ("; the books changed all the while: once more soon" if place.unsettled else "")


def _finish(location: Location, mode: str, place: Place, now: datetime) -> None:
    if mode != "stale":
        location.synced_at = now
    if mode == "full" and not place.unsettled:
        location.full_sync_at = now
    connection.answered(location.id)
    events.record("location.synced", location=location.name, mode=mode, counts=place.counts)
    defer("apps_books.work", location.id, once=f"apps_books.work:{location.id}")
    defer("apps_books.metadata", once="apps_books.metadata")
    session().flush()
