"""Gather what the planner's rule on artifacts looks at: what a channel should have and has."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import Artifact, Channel, ChannelArtifact
from zmdm_plugin.protocol.scope import Facts
from zmdm_plugin.services.artifacts import catalog, facts, present, values
from zmdm_plugin.services.artifacts.compiled import Compiled
from zmdm_plugin.services.artifacts.resolve import BY_COMMAND, NOTHING, Chosen, Resolution
from zmdm_plugin.services.artifacts.wanted import Held, Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Of one channel; `known` is None where the device has no blueprint."""

    known: Compiled | None = None
    facts: Facts | None = None
    scope_key: str = ""
    resolution: Resolution = NOTHING
    wanted: tuple[Wanted, ...] = ()
    held: dict[int, Held] = field(default_factory=dict)

    @property
    def chosen(self) -> frozenset[int]:
        return frozenset(one.item.id for one in self.resolution.chosen)


def of(channel: Channel, *, revision: int) -> Delivery:
    """Decide and compare; variables without a value are written down here."""
    held = _held(channel)
    blueprint_id = channel.device.blueprint_id
    known = catalog.compiled(blueprint_id, revision) if blueprint_id is not None else None
    if known is None:
        return Delivery(held=held)
    told = facts.of(channel)
    key, resolution = catalog.resolution(known, told)
    ours = [one for one in resolution.chosen if by_command(one, known=known, told=told)]
    return Delivery(
        known=known,
        facts=told,
        scope_key=key,
        resolution=resolution,
        wanted=tuple(_wanted(channel, one) for one in ours),
        held=held,
    )


def by_command(one: Chosen, *, known: Compiled, told: Facts) -> bool:
    """Profiles go by declaration where the blueprint says so, the OS can and setup is over."""
    if one.item.type not in BY_COMMAND:
        return False
    declared = known.legacy_profiles_via_ddm and told.declarations and not told.awaiting
    return one.item.type != "profile" or not declared


def _wanted(channel: Channel, one: Chosen) -> Wanted:
    item, version = one
    known = values.of(channel) if version.variables else {}
    missing = version.variables - known.keys()
    if missing:
        present.blocked(channel, item.id, version.id, missing)
    return Wanted(
        artifact=item.id,
        version=version.id,
        kind=item.type,
        identifier=item.identifier,
        requires=item.needs,
        auto_update=item.auto_update,
        reinstall_interval=(
            timedelta(days=item.reinstall_interval) if item.reinstall_interval else None
        ),
        reinstall_on_os_update=item.reinstall_on_os_update,
        values=values.digest(version.variables, known),
        blocked=bool(missing),
    )


def _held(channel: Channel) -> dict[int, Held]:
    rows = session().execute(
        sa.select(ChannelArtifact, Artifact.type, Artifact.identifier)
        .join(Artifact, Artifact.id == ChannelArtifact.artifact_id)
        .where(ChannelArtifact.channel_id == channel.id)
    )
    return {row.artifact_id: _of_row(row, kind, name) for row, kind, name in rows}


def _of_row(row: ChannelArtifact, kind: str, identifier: str) -> Held:
    return Held(
        artifact=row.artifact_id,
        kind=kind,
        identifier=identifier,
        status=row.status,
        by_command=row.via == present.COMMAND,
        installed_version=row.installed_version_id,
        installed_at=row.installed_at,
        installed_os=row.installed_os,
        installed_values=row.installed_values,
        tried_version=row.tried_version_id,
        tried_at=row.tried_at,
        next_try_at=row.next_try_at,
    )
