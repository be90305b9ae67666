"""Every channel on which an artifact failed, over the whole fleet, one artifact after the other."""

from __future__ import annotations

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.models import Artifact, Channel, ChannelArtifact, Device
from zmdm_plugin.services import access
from zmdm_plugin.services.keyset import DEFAULT_LIMIT, Keyset, Page

FAILED = ("failed", "removal_failed")
KEYSET = Keyset(ChannelArtifact.id, {"artifact": ChannelArtifact.artifact_id})


def page(
    actor: Actor,
    *,
    artifact_id: int | None = None,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[tuple[ChannelArtifact, Channel]]:
    """By artifact, then in the order in which rows came to be; the channel brings its device."""
    wanted = [artifact_id] if artifact_id is not None else list(_failing())
    if not wanted:
        return Page([], None)
    statement = (
        sa.select(ChannelArtifact, Channel)
        .join(Channel, Channel.id == ChannelArtifact.channel_id)
        .join(Device, Device.id == Channel.device_id)
        .where(
            ChannelArtifact.artifact_id.in_(wanted),
            ChannelArtifact.status.in_(FAILED),
            Channel.ended_at.is_(None),
        )
    )
    scope = access.row_scope(actor, access.VIEW_DEVICES)
    if scope is not None:
        statement = statement.where(scope)
    found = KEYSET.page(statement, ordering="artifact", cursor=cursor, limit=limit)
    return Page([(row[0], row[1]) for row in found.items], found.next_cursor)


def failing() -> dict[int, str]:
    """Artifacts that failed somewhere, by name."""
    rows = session().execute(
        sa.select(Artifact.id, Artifact.name)
        .where(Artifact.id.in_(list(_failing())))
        .order_by(Artifact.name)
    )
    return {artifact_id: name for artifact_id, name in rows}


def number_on(channel_ids: list[int]) -> int:
    """How many artifacts failed on these channels."""
    if not channel_ids:
        return 0
    statement = sa.select(sa.func.count(ChannelArtifact.id)).where(
        ChannelArtifact.channel_id.in_(channel_ids), ChannelArtifact.status.in_(FAILED)
    )
    return session().scalar(statement) or 0


def _failing() -> list[int]:
    """Probes the index once per artifact: the table of outcomes is never walked."""
    somewhere = sa.exists().where(
        ChannelArtifact.artifact_id == Artifact.id, ChannelArtifact.status.in_(FAILED)
    )
    return list(session().scalars(sa.select(Artifact.id).where(somewhere).order_by(Artifact.id)))
