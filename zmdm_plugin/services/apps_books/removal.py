"""A location is forgotten: what is lost is said first, and a job deletes it bit by bit.

Nothing is given back: whoever wants the licences to be free takes them back first. An artifact that
installs an app of the location keeps it, for its devices would wait for a licence for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict, Refused
from zmdm_plugin.models import (
    Artifact,
    ArtifactVersion,
    Asset,
    JobRun,
    Licence,
    LicenceRequest,
    Location,
    LocationAsset,
    LocationNotification,
)
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import audit, events, job_runs
from zmdm_plugin.services.job_runs import Claimed, Step

JOB: Final = "apps_books.forget"
CHUNK: Final = 5000
"""Rows that one step deletes."""
_SHOWN: Final = 20
_QUIET = {"synchronize_session": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """What goes with a location."""

    artifacts: tuple[tuple[int, str], ...]
    """(id, name) of artifacts that install its apps: they keep it; the first ones of them."""
    apps: int
    licences: int
    """Devices that we know to hold a licence."""
    ours: int
    """Of these, the licences that this server assigned."""
    waiting: int
    """Devices that wait for one."""


def losses(location: Location) -> Losses:
    """Count them."""
    mine = Licence.location_asset_id.in_(_assets_of(location.id))
    held, ours, waiting = (
        session()
        .execute(
            sa.select(
                sa.func.count().filter(Licence.held),
                sa.func.count().filter(Licence.held, Licence.ours),
                sa.func.count().filter(Licence.wanted, ~Licence.held),
            ).where(mine)
        )
        .one()
    )
    apps = sa.select(sa.func.count()).where(LocationAsset.location_id == location.id)
    return Losses(
        artifacts=tuple(_artifacts(location.id)),
        apps=session().scalar(apps) or 0,
        licences=held,
        ours=ours,
        waiting=waiting,
    )


def refuse(location: Location) -> None:
    """Conflict for one that is being deleted."""
    if location.deleting_at is not None:
        raise Conflict(f"{location.name} is being deleted")


def start(actor: Actor, location: Location, *, name: str) -> JobRun:
    """Begin; `name` is the location's, typed by somebody who has seen what is lost.

    Conflict names the artifacts that keep it, Refused another name.
    """
    refuse(location)
    if kept := _artifacts(location.id):
        names = ", ".join(f"“{one}”" for _, one in kept)
        raise Conflict(f"apps of {location.name} are installed by {names}: delete these first")
    if name.strip() != location.name:
        raise Refused("name", f"is not the location's: type {location.name}")
    now = utcnow()
    lost = losses(location)
    before = audit.snapshot(location)
    location.deleting_at, location.updated_at = now, now
    run = job_runs.start(
        JOB,
        actor,
        title=f"Delete the location {location.name}",
        arguments={"location": location.id},
        total=lost.licences + lost.waiting,
    )
    told = f"{lost.licences:,} licences, {lost.ours:,} of them assigned from here, stay at Apple"
    audit.record(actor, "location.delete", location, before=before, reason=told)
    session().flush()
    return run


def step(claimed: Claimed) -> Step:
    """Delete some; the location itself goes with the last of it."""
    location_id = int(claimed.arguments["location"])
    for model, which in _parts(location_id):
        gone = _some(model, which)
        if gone:
            done = claimed.done + (gone if model is Licence else 0)
            return Step(done=done, message=f"{done:,} licences are forgotten")
    _last(location_id)
    return Step(done=claimed.done, total=claimed.done, finished=True)


def _parts(location_id: int) -> tuple[tuple[Any, sa.ColumnElement[bool]], ...]:
    """What refers to a location, what refers to it in turn before it."""
    return (
        (Licence, Licence.location_asset_id.in_(_assets_of(location_id))),
        (LicenceRequest, LicenceRequest.location_id == location_id),
        (LocationNotification, LocationNotification.location_id == location_id),
    )


def _some(model: Any, which: sa.ColumnElement[bool]) -> int:
    ids = sa.select(model.id).where(which).limit(CHUNK)
    gone = session().scalars(
        sa.delete(model).where(model.id.in_(ids)).returning(model.id), execution_options=_QUIET
    )
    return len(gone.all())


def _last(location_id: int) -> None:
    location = session().get(Location, location_id)
    if location is None:
        return
    assets = session().scalars(
        sa.delete(LocationAsset)
        .where(LocationAsset.location_id == location_id)
        .returning(LocationAsset.asset_id),
        execution_options=_QUIET,
    )
    others = sa.exists().where(LocationAsset.asset_id == Asset.id).correlate(Asset)
    session().execute(
        sa.delete(Asset).where(Asset.id.in_(assets.all()), ~others), execution_options=_QUIET
    )
    events.record("location.deleted", location=location.name)
    session().delete(location)
    session().flush()


def _artifacts(location_id: int) -> list[tuple[int, str]]:
    query = (
        sa.select(Artifact.id, Artifact.name)
        .join(ArtifactVersion, ArtifactVersion.artifact_id == Artifact.id)
        .where(ArtifactVersion.location_asset_id.in_(_assets_of(location_id)))
        .distinct()
        .order_by(Artifact.name, Artifact.id)
        .limit(_SHOWN)
    )
    return [(artifact_id, name) for artifact_id, name in session().execute(query)]


def _assets_of(location_id: int) -> sa.Select[int]:
    return sa.select(LocationAsset.id).where(LocationAsset.location_id == location_id)
