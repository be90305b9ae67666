"""What became of artifacts: on all channels of one device, or of one artifact everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.models import Artifact, ArtifactVersion, Channel, ChannelArtifact, Device
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol.scope import Facts, Verdict
from zmdm_plugin.services import access, channels
from zmdm_plugin.services.artifacts import catalog, delivery, facts, licensing, outcomes, present
from zmdm_plugin.services.artifacts.compiled import Compiled
from zmdm_plugin.services.artifacts.explain_delivery import Case, steps
from zmdm_plugin.services.artifacts.outcomes import rows_of
from zmdm_plugin.services.artifacts.resolve import NOTHING, Chosen, Resolution, resolve
from zmdm_plugin.services.artifacts.under_way import UnderWay
from zmdm_plugin.services.keyset import DEFAULT_LIMIT, Keyset, Page

R = TypeVar("R", Artifact, ArtifactVersion)
LEFT_OUT, PLANNED, UNWANTED = "left_out", "planned", "unwanted"
"""Beside the statuses of a row: it cannot be had, nothing was done yet, it is to go."""
KEYSET = Keyset(ChannelArtifact.id, {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An artifact on a channel: what should be, what is, and why they differ."""

    channel: Channel
    artifact: Artifact
    status: str
    reason: str
    """In one sentence; empty where there is nothing to explain."""
    via: str | None
    """command | declaration: how it comes, or came; None for what does not come."""
    wanted: ArtifactVersion | None
    installed: ArtifactVersion | None
    row: ChannelArtifact | None


def of(device: Device) -> list[Standing]:
    """Every artifact that the device should have, has, or would have but for a reason."""
    found: list[Standing] = []
    every = channels.open_channels(device)
    kinds = {channel.kind for channel in every}
    for channel in every:
        found += of_channel(channel, others=len(kinds) > 1)
    return found


def of_channel(channel: Channel, *, others: bool = True) -> list[Standing]:
    """The same for one channel: what it should have in order of delivery, then the rest.

    `others`: there is a channel of the other kind too, in whose list its artifacts are.
    """
    known, decided, told = _decided(channel)
    rows = rows_of(channel)
    chosen = {one.item.id: one for one in decided.chosen}
    ids = [*chosen, *sorted((rows.keys() | decided.left_out.keys()) - chosen.keys())]
    artifacts = _by_id(Artifact, ids)
    wanted = {one.item.id: one.version.id for one in decided.chosen}
    versions = _by_id(
        ArtifactVersion,
        [*wanted.values(), *(row.installed_version_id or 0 for row in rows.values())],
    )
    cases = _cases(channel, known, decided, told=told, rows=rows)
    found = []
    for artifact_id in ids:
        row = rows.get(artifact_id)
        if artifact_id not in artifacts or (others and _elsewhere(decided, artifact_id, row)):
            continue
        status = _status(row, artifact_id, chosen=chosen, decided=decided)
        case = cases.get(artifact_id)
        found.append(
            Standing(
                channel=channel,
                artifact=artifacts[artifact_id],
                status=status,
                reason=_reason(status, row, case, decided.left_out.get(artifact_id)),
                via=_via(row, case),
                wanted=versions.get(wanted.get(artifact_id, 0)),
                installed=versions.get(row.installed_version_id or 0) if row else None,
                row=row,
            )
        )
    return found


def decide(channel: Channel) -> tuple[Compiled | None, Resolution]:
    """What the channel should have by the present revision of its device's blueprint.

    Decided for this very channel, so that the words are about its tags and its shard.
    """
    return _decided(channel)[:2]


def _decided(channel: Channel) -> tuple[Compiled | None, Resolution, Facts | None]:
    blueprint_id = channel.device.blueprint_id
    known = catalog.compiled(blueprint_id) if blueprint_id is not None else None
    if known is None:
        return None, NOTHING, None
    told = facts.of(channel)
    return known, resolve(known, told), told


def _cases(
    channel: Channel,
    known: Compiled | None,
    decided: Resolution,
    *,
    told: Facts | None,
    rows: Mapping[int, ChannelArtifact],
) -> dict[int, Case]:
    """What is to be explained of each chosen artifact; loaded once for all of them."""
    if known is None or told is None:
        return {}
    under_way = UnderWay.of(channel, now=utcnow())
    lacking = licensing.missing(channel, decided.chosen)
    return {
        one.item.id: Case(
            chosen=one,
            compiled=known,
            rows=rows,
            why_command=delivery.why_command(one, known=known, told=told),
            awaiting=told.awaiting,
            under_way=under_way,
            unlicensed=lacking.get(one.item.id),
        )
        for one in decided.chosen
    }


def counts(actor: Actor, artifact: Artifact) -> dict[str, int]:
    """On how many channels (of devices that this actor may see) it has which status."""
    rows = session().execute(
        _joined(sa.select(ChannelArtifact.status, sa.func.count()), actor, artifact)
        .group_by(ChannelArtifact.status)
        .order_by(ChannelArtifact.status)
    )
    return {status: number for status, number in rows}


def page(
    actor: Actor,
    artifact: Artifact,
    *,
    status: str | None = None,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[tuple[ChannelArtifact, Channel]]:
    """Where it has a status; with the channel, which brings its device."""
    statement = _joined(sa.select(ChannelArtifact, Channel), actor, artifact)
    if status is not None:
        statement = statement.where(ChannelArtifact.status == status)
    found = KEYSET.page(statement, cursor=cursor, limit=limit)
    return Page([(row[0], row[1]) for row in found.items], found.next_cursor)


def _joined(
    statement: sa.Select[*tuple[Any, ...]], actor: Actor, artifact: Artifact
) -> sa.Select[*tuple[Any, ...]]:
    joined = (
        statement.select_from(ChannelArtifact)
        .join(Channel, Channel.id == ChannelArtifact.channel_id)
        .join(Device, Device.id == Channel.device_id)
        .where(ChannelArtifact.artifact_id == artifact.id, Channel.ended_at.is_(None))
    )
    scope = access.row_scope(actor, access.VIEW_DEVICES)
    return joined if scope is None else joined.where(scope)


def _elsewhere(decided: Resolution, artifact_id: int, row: ChannelArtifact | None) -> bool:
    """Linked, but for the other kind of channel: there it is listed."""
    verdict = decided.left_out.get(artifact_id)
    return row is None and verdict is not None and verdict.rule == "channel"


def _status(
    row: ChannelArtifact | None,
    artifact_id: int,
    *,
    chosen: Mapping[int, Chosen],
    decided: Resolution,
) -> str:
    if artifact_id in chosen:
        return row.status if row is not None else PLANNED
    if row is not None and row.installed_version_id is not None and row.status == "installed":
        return UNWANTED
    if row is not None and row.status in ("removing", "removal_failed"):
        return row.status
    return LEFT_OUT if artifact_id in decided.left_out else UNWANTED


def _reason(
    status: str, row: ChannelArtifact | None, case: Case | None, left_out: Verdict | None
) -> str:
    """The first thing that stands in the way, as Explain says it; empty if nothing does."""
    if case is not None:
        return next((_sentence(one.words) for one in steps(case) if one.ok is False), "")
    if status == LEFT_OUT and left_out is not None:
        return _sentence(left_out.words)
    if status == "removal_failed" and row is not None:
        return _sentence(f"it could not be removed: {outcomes.joined(row)}")
    if left_out is not None:
        return _sentence(f"it is to go: {left_out.words}")
    return "It is no longer wanted, and goes with the next conversation."


def _via(row: ChannelArtifact | None, case: Case | None) -> str | None:
    if case is not None and (row is None or row.installed_version_id is None):
        return present.COMMAND if case.by_command else present.DECLARATION
    return row.via if row is not None else None


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + ("" if words[-1:] in "." else ".")


def _by_id(model: type[R], ids: list[int]) -> dict[int, R]:
    if not ids:
        return {}
    return {row.id: row for row in session().scalars(sa.select(model).where(model.id.in_(ids)))}
