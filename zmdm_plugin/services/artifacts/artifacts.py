"""Artifacts: made, changed, and deleted when nothing uses them any more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict, NotFound, Refused
from zmdm_plugin.models import (
    AdeSettings,
    Artifact,
    ArtifactRequirement,
    ArtifactVersion,
    BlueprintArtifact,
    Channel,
    ChannelArtifact,
    Enrollment,
    MDMBlueprint,
)
from zmdm_plugin.models.artifacts import APPS, TYPES
from zmdm_plugin.protocol.platform import Platform
from zmdm_plugin.services import events
from zmdm_plugin.services.artifacts import graph, locking, revisions, scopes
from zmdm_plugin.services.artifacts.resolve import DECLARED_ONLY
from zmdm_plugin.services.keyset import DEFAULT_LIMIT, MAX_ID, Keyset, Page
from zmdm_plugin.state import state

CHANNELS = ("device", "user")
REINSTALL = ("no", "major", "minor", "patch")
LONGEST_INTERVAL = 366
"""Days between two installations of the same version."""
KEYSET = Keyset(Artifact.id, {"name": Artifact.name})
_GONE = ("uninstalled",)
_OFFERED = 500
_IDENTIFIER = 64


@dataclass(frozen=True, slots=True)
class Usages:
    """Who uses an artifact: names of blueprints and of other artifacts, number of channels."""

    blueprints: list[str] = field(default_factory=list)
    artifacts: list[str] = field(default_factory=list)
    enrollments: list[str] = field(default_factory=list)
    """Whose devices return by its Wi-Fi."""
    channels: int = 0

    @property
    def words(self) -> str:
        """What stands against deleting it; empty if nothing does."""
        parts = [f"the blueprint “{name}”" for name in self.blueprints[:3]]
        parts += [f"the artifact “{name}”" for name in self.artifacts[:3]]
        parts += [f"the enrollment “{name}”" for name in self.enrollments[:3]]
        hidden = max(len(self.blueprints) - 3, 0) + max(len(self.artifacts) - 3, 0)
        hidden += max(len(self.enrollments) - 3, 0)
        if hidden:
            parts.append(f"{hidden} more")
        if self.channels:
            parts.append(f"{self.channels} channel{'s' * (self.channels != 1)} that have it")
        return ", ".join(parts)


def create(
    type: str,
    name: str,
    *,
    channel: str = "device",
    platforms: Sequence[str] | None = None,
    requires: Sequence[int] = (),
    **settings: Any,
) -> Artifact:
    """A new artifact, without versions; Refused names the field."""
    if type not in TYPES:
        raise Refused("type", f"must be one of {', '.join(TYPES)}")
    if channel not in CHANNELS:
        raise Refused("channel", "must be device or user")
    if type == "provisioning_profile" and channel == "user":
        raise Refused("channel", "provisioning profiles go through the device channel")
    if type in APPS and channel == "user":
        raise Refused("channel", "apps go through the device channel")
    row = Artifact(
        type=type,
        channel=channel,
        install_during_setup_assistant=False,
        auto_update=True,
        reinstall_interval=0,
        reinstall_on_os_update="no",
    )
    row.identifier = _identifier(row)
    given = list(Platform) if platforms is None else platforms
    _set(row, {"name": name, "platforms": given, **settings})
    session().add(row)
    session().flush()
    graph.set_requires(row, requires)
    events.record("artifact.created", name=row.name, artifact=row.id, type=row.type)
    return row


def update(
    row: Artifact, changes: Mapping[str, Any], *, requires: Sequence[int] | None = None
) -> None:
    """Change what may change; type and channel never do."""
    before = set(row.platforms)
    _set(row, changes)
    _unless_platforms_are_missed(row, before)
    session().flush()
    if requires is not None:
        graph.set_requires(row, requires)
    if set(row.platforms) != before:
        graph.refresh_references(row)
    revisions.touch_artifact(row.id)
    events.record("artifact.changed", name=row.name, artifact=row.id)


def delete(row: Artifact) -> None:
    """Delete an artifact with its versions; Conflict says what still uses it."""
    locking.hold(row)
    if used := usages(row).words:
        raise Conflict(f"the artifact is used by {used}")
    mine = ChannelArtifact.artifact_id == row.id
    session().execute(sa.delete(ChannelArtifact).where(mine))
    edge = ArtifactRequirement
    session().execute(sa.delete(edge).where(edge.artifact_id == row.id))
    session().execute(sa.delete(ArtifactVersion).where(ArtifactVersion.artifact_id == row.id))
    events.record("artifact.deleted", name=row.name, type=row.type)
    session().delete(row)
    session().flush()


def usages(row: Artifact) -> Usages:
    """Who uses it; channels that have ended, or have it no more, do not count."""
    blueprints = session().scalars(
        sa.select(MDMBlueprint.name)
        .join(BlueprintArtifact, BlueprintArtifact.blueprint_id == MDMBlueprint.id)
        .where(BlueprintArtifact.artifact_id == row.id)
        .order_by(MDMBlueprint.name)
    )
    dependents = session().scalars(
        sa.select(Artifact.name)
        .where(
            Artifact.id.in_(
                sa.select(ArtifactRequirement.artifact_id).where(
                    ArtifactRequirement.required_id == row.id
                )
            )
        )
        .order_by(Artifact.name)
    )
    returning = session().scalars(
        sa.select(Enrollment.name)
        .join(AdeSettings, AdeSettings.enrollment_id == Enrollment.id)
        .where(AdeSettings.return_wifi_artifact_id == row.id)
        .order_by(Enrollment.name)
    )
    channels = session().scalar(
        sa.select(sa.func.count())
        .select_from(ChannelArtifact)
        .join(Channel, Channel.id == ChannelArtifact.channel_id)
        .where(
            ChannelArtifact.artifact_id == row.id,
            ChannelArtifact.status.not_in(_GONE),
            Channel.ended_at.is_(None),
        )
    )
    return Usages(list(blueprints), list(dependents), list(returning), channels or 0)


def find(artifact_id: int) -> Artifact:
    """The artifact; NotFound."""
    row = session().get(Artifact, artifact_id) if 0 < artifact_id <= MAX_ID else None
    if row is None:
        raise NotFound("there is no such artifact")
    return row


def named(name: str) -> Artifact | None:
    return session().scalar(sa.select(Artifact).where(Artifact.name == name.strip()))


def profile_names() -> list[tuple[int, str]]:
    """Ids and names of the profiles for devices, to choose from: the first of them by name."""
    query = sa.select(Artifact.id, Artifact.name).where(
        Artifact.type == "profile", Artifact.channel == "device"
    )
    rows = session().execute(query.order_by(Artifact.name, Artifact.id).limit(_OFFERED))
    return [(row_id, name) for row_id, name in rows]


def page(
    *,
    type: str | None = None,
    name: str | None = None,
    blueprint_id: int | None = None,
    ordering: str = "id",
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Artifact]:
    """A page of artifacts: of a type, with a name, directly in a blueprint."""
    statement = sa.select(Artifact)
    if type is not None:
        statement = statement.where(Artifact.type == type)
    if name is not None:
        statement = statement.where(Artifact.name == name)
    if blueprint_id is not None:
        linked = sa.select(BlueprintArtifact.artifact_id).where(
            BlueprintArtifact.blueprint_id == blueprint_id
        )
        statement = statement.where(Artifact.id.in_(linked))
    return KEYSET.entities(statement, ordering=ordering, cursor=cursor, limit=limit)


def _identifier(row: Artifact) -> str:
    """Ours for ever, whatever becomes of the server's name: 64 characters at most."""
    host = urlsplit(state().settings.base_url).hostname or "localhost"
    long = f"{'.'.join(reversed(host.split('.')))}.zmdm.{row.uid}"
    return long if len(long) <= _IDENTIFIER else f"zmdm.{row.uid}"


def _unless_platforms_are_missed(row: Artifact, before: set[str]) -> None:
    """A platform stays as long as a scope names it, or an artifact refers to this one for it."""
    removed = before - set(row.platforms)
    if removed and (used := removed & set(map(str, scopes.platforms_in_use(row)))):
        raise Refused("platforms", f"a scope of this artifact names {min(used)}")
    edge = ArtifactRequirement
    dependents = session().scalars(
        sa.select(Artifact)
        .join(edge, edge.artifact_id == Artifact.id)
        .where(edge.required_id == row.id, edge.kind == graph.REFERENCE)
    )
    for dependent in dependents if removed else ():
        if used := removed & set(dependent.platforms):
            raise Refused("platforms", f"“{dependent.name}” refers to this one for {min(used)}")
    added = set(row.platforms) - before
    for other_id in graph.needed(row.id, graph.REFERENCE) if added and before else ():
        other = session().get_one(Artifact, other_id)
        if missing := added - set(other.platforms):
            raise Refused("platforms", f"“{other.name}”, which it needs, is not for {min(missing)}")


def _set(row: Artifact, changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        check = _CHECKS.get(name)
        if check is None:
            raise Refused(name[:50], "cannot be set")
        setattr(row, name, check(row, name, value))


def _name(row: Artifact, field: str, value: Any) -> str:
    name = str(value).strip()
    if not 0 < len(name) <= 256 or not name.isprintable():
        raise Refused(field, "must have 1 to 256 printable characters")
    with session().no_autoflush:
        other = named(name)
    if other is not None and other is not row:
        raise Refused(field, "there is an artifact with this name")
    return name


def _platforms(_row: Artifact, field: str, value: Any) -> list[str]:
    known = {str(platform) for platform in Platform}
    given = sorted({str(one) for one in value})
    if not given:
        raise Refused(field, "say at least one platform")
    if unknown := set(given) - known:
        raise Refused(field, f"{min(unknown)[:40]!r} is no platform")
    return given


def _flag(_row: Artifact, field: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise Refused(field, "must be true or false")
    return value


def _auto_update(row: Artifact, field: str, value: Any) -> bool:
    if not _flag(row, field, value) and row.type in DECLARED_ONLY:
        raise Refused(field, "declarations are always brought up to date")
    return bool(value)


def _interval(_row: Artifact, field: str, value: Any) -> int:
    if type(value) is not int or not 0 <= value <= LONGEST_INTERVAL:
        raise Refused(field, f"must be 0 (never) to {LONGEST_INTERVAL} days")
    return value


def _reinstall(_row: Artifact, field: str, value: Any) -> str:
    if value not in REINSTALL:
        raise Refused(field, f"must be one of {', '.join(REINSTALL)}")
    return str(value)


_CHECKS = {
    "name": _name,
    "platforms": _platforms,
    "install_during_setup_assistant": _flag,
    "auto_update": _auto_update,
    "reinstall_interval": _interval,
    "reinstall_on_os_update": _reinstall,
}
