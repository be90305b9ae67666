"""Lists of artifacts for people: found by what one remembers, with what became of each.

Numbers of devices stop at MOST: to count to the end of a hundred thousand rows for every line of a
list would cost seconds, and nobody acts differently on the exact number.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.models import (
    Artifact,
    ArtifactRequirement,
    ArtifactVersion,
    BlueprintArtifact,
    Channel,
    ChannelArtifact,
    Device,
    MDMBlueprint,
)
from zmdm_plugin.services import access
from zmdm_plugin.services.keyset import DEFAULT_LIMIT, Keyset, Page

GROUPS = {
    "installed": ("installed",),
    "waiting": ("pending", "installing", "awaiting_confirmation", "removing", "uninstalled"),
    "failed": ("failed", "removal_failed"),
}
"""What people ask for, and the statuses that mean it."""
MOST = 500
BY_NAME = Keyset(Artifact.id, {"name": Artifact.name})
OUTCOMES = Keyset(ChannelArtifact.id, {})
_ESCAPED = re.compile("[%_/]")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactFilter:
    """What a list of artifacts is narrowed to; None asks nothing."""

    search: str | None = None
    """In the name, the identifier on devices or the declaration's type."""
    type: str | None = None
    blueprint: int | None = None
    """Directly in the blueprint of this id."""
    failing: bool = False
    """Failed on some device that the actor may see."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """What an artifact needs, and what needs it; each with how: requires | reference."""

    needs: list[tuple[Artifact, str]] = field(default_factory=list)
    needed_by: list[tuple[Artifact, str]] = field(default_factory=list)


def page(
    actor: Actor, wanted: ArtifactFilter, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
) -> Page[Artifact]:
    """A page of artifacts by name."""
    statement = sa.select(Artifact)
    if wanted.search:
        escaped = _ESCAPED.sub(r"/\g<0>", wanted.search)
        pattern = f"%{escaped}%"
        columns = (Artifact.name, Artifact.identifier, Artifact.declaration_type)
        statement = statement.where(
            sa.or_(*(column.ilike(pattern, escape="/") for column in columns))
        )
    if wanted.type:
        statement = statement.where(Artifact.type == wanted.type)
    if wanted.blueprint is not None:
        linked = sa.select(BlueprintArtifact.artifact_id).where(
            BlueprintArtifact.blueprint_id == wanted.blueprint
        )
        statement = statement.where(Artifact.id.in_(linked))
    if wanted.failing:
        statement = statement.where(_fails(actor))
    return BY_NAME.entities(statement, ordering="name", cursor=cursor, limit=limit)


def failing(actor: Actor, artifact_ids: Iterable[int]) -> set[int]:
    """Those of these artifacts that have failed on some device."""
    statement = sa.select(Artifact.id).where(Artifact.id.in_(list(artifact_ids)), _fails(actor))
    return set(session().scalars(statement))


def number_failing(actor: Actor) -> int:
    """How many artifacts have failed on some device."""
    return session().scalar(sa.select(sa.func.count(Artifact.id)).where(_fails(actor))) or 0


def currents(artifact_ids: Iterable[int]) -> dict[int, ArtifactVersion]:
    """The version of highest rank of each of these artifacts."""
    version = ArtifactVersion
    highest = (
        sa.select(version.artifact_id, sa.func.max(version.rank).label("rank"))
        .where(version.artifact_id.in_(list(artifact_ids)))
        .group_by(version.artifact_id)
        .subquery()
    )
    rows = session().scalars(
        sa.select(version).join(
            highest,
            sa.and_(version.artifact_id == highest.c.artifact_id, version.rank == highest.c.rank),
        )
    )
    return {row.artifact_id: row for row in rows}


def links_of(artifact: Artifact) -> list[tuple[BlueprintArtifact, MDMBlueprint]]:
    """The blueprints that bring an artifact directly, by name."""
    rows = session().execute(
        sa.select(BlueprintArtifact, MDMBlueprint)
        .join(MDMBlueprint, MDMBlueprint.id == BlueprintArtifact.blueprint_id)
        .where(BlueprintArtifact.artifact_id == artifact.id)
        .order_by(MDMBlueprint.name)
    )
    return [(link, blueprint) for link, blueprint in rows]


def blueprint_counts(artifact_ids: Iterable[int]) -> dict[int, int]:
    """In how many blueprints each of these artifacts is."""
    link = BlueprintArtifact
    rows = session().execute(
        sa.select(link.artifact_id, sa.func.count())
        .where(link.artifact_id.in_(list(artifact_ids)))
        .group_by(link.artifact_id)
    )
    return {artifact_id: number for artifact_id, number in rows}


def artifact_counts(blueprint_ids: Iterable[int]) -> dict[int, int]:
    """How many artifacts each of these blueprints brings directly."""
    link = BlueprintArtifact
    rows = session().execute(
        sa.select(link.blueprint_id, sa.func.count())
        .where(link.blueprint_id.in_(list(blueprint_ids)))
        .group_by(link.blueprint_id)
    )
    return {blueprint_id: number for blueprint_id, number in rows}


def neighbours(artifact: Artifact) -> Neighbours:
    """What it needs and what needs it, by name; two statements."""
    edge = ArtifactRequirement
    needs = session().execute(
        sa.select(Artifact, edge.kind)
        .join(edge, edge.required_id == Artifact.id)
        .where(edge.artifact_id == artifact.id)
        .order_by(Artifact.name, edge.kind)
    )
    needed_by = session().execute(
        sa.select(Artifact, edge.kind)
        .join(edge, edge.artifact_id == Artifact.id)
        .where(edge.required_id == artifact.id)
        .order_by(Artifact.name, edge.kind)
    )
    return Neighbours(
        needs=[(row, kind) for row, kind in needs],
        needed_by=[(row, kind) for row, kind in needed_by],
    )


def tallies(
    actor: Actor, artifact_ids: Collection[int], *, blueprint_id: int | None = None
) -> dict[int, dict[str, int]]:
    """Artifact id -> group -> on how many channels, up to MOST + 1; one statement."""
    counted = [_up_to(actor, statuses, blueprint_id) for statuses in GROUPS.values()]
    rows = session().execute(
        sa.select(Artifact.id, *counted).where(Artifact.id.in_(list(artifact_ids)))
    )
    return {row[0]: dict(zip(GROUPS, row[1:], strict=True)) for row in rows}


def outcomes(
    actor: Actor,
    artifact: Artifact,
    *,
    group: str | None = None,
    blueprint_id: int | None = None,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[tuple[ChannelArtifact, Channel]]:
    """Where something was done about an artifact; the channel brings its device."""
    statement = _outcomes(
        sa.select(ChannelArtifact, Channel), actor, artifact.id, group, blueprint_id
    )
    found = OUTCOMES.page(statement, cursor=cursor, limit=limit)
    return Page([(row[0], row[1]) for row in found.items], found.next_cursor)


def number_having(artifact_id: int, blueprint_id: int) -> int:
    """How many channels of a blueprint's devices would lose an artifact."""
    return (
        session().scalar(
            sa.select(sa.func.count(ChannelArtifact.id))
            .join(Channel, Channel.id == ChannelArtifact.channel_id)
            .join(Device, Device.id == Channel.device_id)
            .where(
                ChannelArtifact.artifact_id == artifact_id,
                ChannelArtifact.status != "uninstalled",
                Channel.ended_at.is_(None),
                Device.blueprint_id == blueprint_id,
            )
        )
        or 0
    )


def _outcomes(
    statement: sa.Select[*tuple[Any, ...]],
    actor: Actor,
    artifact_id: int | sa.ColumnElement[int] | orm.InstrumentedAttribute[int],
    group: str | None,
    blueprint_id: int | None,
) -> Any:
    joined = (
        statement.select_from(ChannelArtifact)
        .join(Channel, Channel.id == ChannelArtifact.channel_id)
        .join(Device, Device.id == Channel.device_id)
        .where(ChannelArtifact.artifact_id == artifact_id, Channel.ended_at.is_(None))
    )
    if group is not None:
        joined = joined.where(ChannelArtifact.status.in_(GROUPS[group]))
    if blueprint_id is not None:
        joined = joined.where(Device.blueprint_id == blueprint_id)
    scope = access.row_scope(actor, access.VIEW_DEVICES)
    return joined if scope is None else joined.where(scope)


def _up_to(
    actor: Actor, statuses: Collection[str], blueprint_id: int | None
) -> sa.ScalarSelect[int]:
    """The number of rows, but no more than MOST + 1 are looked at; for each artifact anew.

    The channel is asked about row by row: as a join PostgreSQL would read all channels each time.
    """
    on_device = (
        sa.select(sa.literal(1))
        .select_from(Channel)
        .join(Device, Device.id == Channel.device_id)
        .where(Channel.id == ChannelArtifact.channel_id, Channel.ended_at.is_(None))
    )
    if blueprint_id is not None:
        on_device = on_device.where(Device.blueprint_id == blueprint_id)
    if (scope := access.row_scope(actor, access.VIEW_DEVICES)) is not None:
        on_device = on_device.where(scope)
    first = (
        sa.select(sa.literal(1))
        .select_from(ChannelArtifact)
        .where(
            ChannelArtifact.artifact_id == Artifact.id,
            ChannelArtifact.status.in_(statuses),
            on_device.correlate(ChannelArtifact).scalar_subquery().is_not(None),
        )
        .correlate(Artifact)
        .limit(MOST + 1)
        .subquery()
    )
    return sa.select(sa.func.count()).select_from(first).scalar_subquery()


def _fails(actor: Actor) -> sa.ColumnElement[bool]:
    """Probes the index once per artifact: the table of outcomes is never walked."""
    some = (
        sa.select(sa.literal(1))
        .select_from(ChannelArtifact)
        .join(Channel, Channel.id == ChannelArtifact.channel_id)
        .join(Device, Device.id == Channel.device_id)
        .where(
            ChannelArtifact.artifact_id == Artifact.id,
            ChannelArtifact.status.in_(GROUPS["failed"]),
            Channel.ended_at.is_(None),
        )
    )
    scope = access.row_scope(actor, access.VIEW_DEVICES)
    if scope is not None:
        some = some.where(scope)
    return sa.exists(some.correlate(Artifact))
