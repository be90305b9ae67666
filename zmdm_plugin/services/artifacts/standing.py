"""What became of artifacts: on all channels of one device, or of one artifact everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.models import Artifact, ArtifactVersion, Channel, ChannelArtifact, Device
from zmdm_plugin.services import access, channels
from zmdm_plugin.services.artifacts import catalog, facts
from zmdm_plugin.services.artifacts.compiled import Compiled
from zmdm_plugin.services.artifacts.resolve import NOTHING, Resolution, resolve
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
    wanted: ArtifactVersion | None
    installed: ArtifactVersion | None
    row: ChannelArtifact | None


def of(device: Device) -> list[Standing]:
    """Every artifact that the device should have, has, or would have but for a reason."""
    found: list[Standing] = []
    for channel in channels.open_channels(device):
        found += of_channel(channel)
    return found


def of_channel(channel: Channel) -> list[Standing]:
    """The same for one channel: what it should have in order of delivery, then the rest."""
    known, decided = decide(channel)
    rows = rows_of(channel)
    chosen = {one.item.id: one.version.id for one in decided.chosen}
    ids = [*chosen, *sorted((rows.keys() | decided.left_out.keys()) - chosen.keys())]
    artifacts = _by_id(Artifact, ids)
    versions = _by_id(
        ArtifactVersion,
        [*chosen.values(), *(row.installed_version_id or 0 for row in rows.values())],
    )
    found = []
    for artifact_id in ids:
        row = rows.get(artifact_id)
        status = _status(row, artifact_id, chosen=chosen, decided=decided)
        if artifact_id not in artifacts or _elsewhere(decided, artifact_id, row):
            continue
        found.append(
            Standing(
                channel=channel,
                artifact=artifacts[artifact_id],
                status=status,
                reason=_reason(status, row, artifact_id, rows=rows, known=known, decided=decided),
                wanted=versions.get(chosen.get(artifact_id, 0)),
                installed=versions.get(row.installed_version_id or 0) if row else None,
                row=row,
            )
        )
    return found


def rows_of(channel: Channel) -> dict[int, ChannelArtifact]:
    """What became of artifacts on a channel, by artifact."""
    rows = session().scalars(
        sa.select(ChannelArtifact).where(ChannelArtifact.channel_id == channel.id)
    )
    return {row.artifact_id: row for row in rows}


def decide(channel: Channel) -> tuple[Compiled | None, Resolution]:
    """What the channel should have by the present revision of its device's blueprint.

    Decided for this very channel, so that the words are about its tags and its shard.
    """
    blueprint_id = channel.device.blueprint_id
    known = catalog.compiled(blueprint_id) if blueprint_id is not None else None
    if known is None:
        return None, NOTHING
    return known, resolve(known, facts.of(channel))


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
    chosen: Mapping[int, int],
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
    status: str,
    row: ChannelArtifact | None,
    artifact_id: int,
    *,
    rows: Mapping[int, ChannelArtifact],
    known: Compiled | None,
    decided: Resolution,
) -> str:
    if artifact_id in decided.left_out and status == LEFT_OUT:
        return _sentence(decided.left_out[artifact_id].words)
    if status == UNWANTED:
        return "It is no longer wanted, and goes with the next conversation."
    if row is not None and row.unresolved:
        return f"This device has no value for {', '.join(row.unresolved)}."
    if row is not None and row.reasons:
        return "; ".join(told(row))
    if waits := waits_for(artifact_id, rows=rows, known=known):
        return f"It waits for {', '.join(f'“{name}”' for name in waits)}."
    return "It is delivered with the next conversation." if status == PLANNED else ""


def told(row: ChannelArtifact) -> list[str]:
    """What the device gave as reasons, in its words."""
    found = []
    for reason in row.reasons or ():
        text = reason.get("description") or reason.get("code") if isinstance(reason, dict) else None
        if text:
            found.append(str(text))
    return found


def waits_for(
    artifact_id: int, *, rows: Mapping[int, ChannelArtifact], known: Compiled | None
) -> list[str]:
    """The names of what an artifact needs and is not there; what is declared comes by itself."""
    item = known.items.get(artifact_id) if known is not None else None
    if item is None or known is None or (artifact_id in rows and _there(rows[artifact_id])):
        return []
    return [
        known.items[one].name
        for one in item.requires
        if one in known.items and not (one in rows and _there(rows[one]))
    ]


def _there(row: ChannelArtifact) -> bool:
    return row.installed_version_id is not None or row.status == "installed"


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}." if words else ""


def _by_id(model: type[R], ids: list[int]) -> dict[int, R]:
    if not ids:
        return {}
    return {row.id: row for row in session().scalars(sa.select(model).where(model.id.in_(ids)))}
