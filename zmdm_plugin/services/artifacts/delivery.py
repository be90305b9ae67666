"""Gather what the planner's rule on artifacts looks at: what a channel should have and has."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import Artifact, Channel, ChannelArtifact
from zmdm_plugin.protocol import declarations
from zmdm_plugin.protocol.apps import CONFIGURATION, PACKAGES
from zmdm_plugin.protocol.platform import Platform
from zmdm_plugin.protocol.scope import Facts
from zmdm_plugin.services.artifacts import brought, catalog, facts, present, values
from zmdm_plugin.services.artifacts.brought import Brought
from zmdm_plugin.services.artifacts.compiled import Compiled
from zmdm_plugin.services.artifacts.resolve import (
    APPS,
    BY_COMMAND,
    DECLARED,
    NOTHING,
    Chosen,
    Resolution,
)
from zmdm_plugin.services.artifacts.wanted import APP, PACKAGE, Held, Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Of one channel; `known` is None where the device has no blueprint."""

    known: Compiled | None = None
    facts: Facts | None = None
    scope_key: str = ""
    resolution: Resolution = NOTHING
    wanted: tuple[Wanted, ...] = ()
    held: dict[int, Held] = field(default_factory=dict)
    commanded: frozenset[int] = frozenset()
    """Of the chosen artifacts, those that go by command."""

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
        wanted=tuple(_wanted(channel, one, told) for one in ours),
        held=held,
        commanded=frozenset(one.item.id for one in ours),
    )


def by_command(one: Chosen, *, known: Compiled, told: Facts) -> bool:
    """Profiles and apps go by declaration where the blueprint says so, the OS can, setup is over.

    Apps further only where the declaration can say all that they are to be installed with.
    """
    return why_command(one, known=known, told=told) is not None


def why_command(one: Chosen, *, known: Compiled, told: Facts) -> str | None:
    """Why an artifact goes by command to this channel, in words; None: by declaration."""
    kind = one.item.type
    if kind not in BY_COMMAND:
        return None
    if kind not in DECLARED:
        return "it is brought by command"
    chosen = known.legacy_profiles_via_ddm if kind == "profile" else known.apps_via_ddm
    if not chosen:
        things = "profiles" if kind == "profile" else "apps and packages"
        return f"it goes by command, as the blueprint says of {things}"
    if not told.declarations:
        return "it goes by command: the device's OS does not know declarations"
    if told.awaiting:
        return "it goes by command while the device is in Setup Assistant"
    why = _undeclared(one, told) if kind in APPS else None
    return f"it goes by command: {why}" if why is not None else None


def _undeclared(one: Chosen, told: Facts) -> str | None:
    """What the declaration of an app cannot say, or this OS does not know; None: it will do."""
    if not one.version.declarable:
        return "the declaration cannot say how it is to be managed"
    if told.platform is None:
        return "the device has not told its platform"
    type_ = one.item.declaration_type or ""
    manifest = one.item.type == "enterprise_app"
    if manifest and told.platform is Platform.MACOS and type_ != PACKAGES:
        return "of one's own, a Mac installs packages only by declaration"
    why = declarations.supported(
        type_,
        told.platform,
        told.os_version,
        supervised=told.supervised,
        user_enrollment=told.user_enrollment,
        channel=told.channel.value,
    )
    if why is not None:
        return f"the declaration {why}"
    if not one.version.configured:
        return None
    why = declarations.key_supported(type_, CONFIGURATION, told.platform, told.os_version)
    return f"a configuration in the declaration {why}" if why is not None else None


def kind_of(artifact_type: str, platform: Platform | None) -> str:
    """Which command brings an artifact of this type to a platform."""
    if artifact_type != "enterprise_app":
        return artifact_type
    return PACKAGE if platform is Platform.MACOS else APP


def _wanted(channel: Channel, one: Chosen, told: Facts) -> Wanted:
    item, version = one
    known = values.of(channel) if version.variables else {}
    missing = version.variables - known.keys()
    if missing:
        present.blocked(channel, item.id, version.id, missing)
    return Wanted(
        artifact=item.id,
        version=version.id,
        kind=kind_of(item.type, told.platform),
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
    rows = (
        session()
        .execute(
            sa.select(ChannelArtifact, Artifact.type, Artifact.identifier)
            .join(Artifact, Artifact.id == ChannelArtifact.artifact_id)
            .where(ChannelArtifact.channel_id == channel.id)
        )
        .all()
    )
    apps = [row for row, kind, _ in rows if kind in APPS]
    known = brought.of(channel, apps) if apps else {}
    return {
        row.artifact_id: _of_row(row, kind, name, known.get(row.artifact_id))
        for row, kind, name in rows
    }


def _of_row(row: ChannelArtifact, kind: str, identifier: str, app: Brought | None) -> Held:
    return Held(
        artifact=row.artifact_id,
        kind=app.kind if app else kind,
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
        check_at=row.check_at,
        bundles=tuple(one.identifier for one in app.bundles) if app else (),
        removable=app.removable if app else True,
    )
