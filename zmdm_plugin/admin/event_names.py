"""Events name artifacts, versions, commands and apps by id; people are told their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.admin.screen import session
from zmdm_plugin.admin.sending import shown
from zmdm_plugin.models import (
    Artifact,
    ArtifactVersion,
    Asset,
    ChannelCommand,
    Event,
    LocationAsset,
)

_ON_DEVICES = frozenset(
    {"artifact.installed", "artifact.failed", "artifact.missing", "artifact.not_removed"}
)

_WORDS = frozenset({"task", "secret"})
"""Keys whose values are names of ours."""


@dataclass(frozen=True, slots=True)
class Detail:
    """One name and value of an event, and what the value leads to, if that is still there."""

    key: str
    value: Any
    artifact: int | None = None
    command: str | None = None
    location_asset: int | None = None


@dataclass(frozen=True, slots=True)
class EventNames:
    """The names that a page of events needs."""

    artifacts: Mapping[int, str] = field(default_factory=dict)
    versions: Mapping[int, int] = field(default_factory=dict)
    commands: frozenset[str] = frozenset()
    apps: Mapping[int, str] = field(default_factory=dict)

    def details(self, event: Event) -> Iterator[Detail]:
        """What there is to say, in the order of the event."""
        said = event.payload
        for key, value in said.items():
            if key == "artifact" and isinstance(value, int):
                yield self._artifact(value, said.get("name"))
            elif key == "version" and event.kind in _ON_DEVICES:
                yield Detail(key, self.versions.get(value, value))
            elif key == "command" and isinstance(value, str):
                known = value if value in self.commands else None
                yield Detail(key, shown(said["name"]) if said.get("name") else value, command=known)
            elif key == "location_asset" and value in self.apps:
                yield Detail("app", self.apps[value], location_asset=value)
            elif key in _WORDS and isinstance(value, str):
                yield Detail(key, value.replace("_", " "))
            elif not _said_already(key, said):
                yield Detail(key, _plain(value))

    def _artifact(self, artifact_id: int, name: str | None) -> Detail:
        if artifact_id in self.artifacts:
            return Detail("artifact", self.artifacts[artifact_id], artifact=artifact_id)
        return Detail("artifact", name or f"{artifact_id} (deleted)")


def of(events: Sequence[Event]) -> EventNames:
    """One statement for each kind of thing that the page is about."""
    artifacts = _values(events, "artifact", int)
    versions = _values([one for one in events if one.kind in _ON_DEVICES], "version", int)
    commands = _values(events, "command", str)
    assets = _values(events, "location_asset", int)
    uid = ChannelCommand.uid
    apps = sa.select(LocationAsset.id, Asset.name).join(Asset, Asset.id == LocationAsset.asset_id)
    return EventNames(
        _pairs(sa.select(Artifact.id, Artifact.name), Artifact.id, artifacts),
        _pairs(sa.select(ArtifactVersion.id, ArtifactVersion.number), ArtifactVersion.id, versions),
        frozenset(_pairs(sa.select(uid, uid), uid, commands)),
        {key: name for key, name in _pairs(apps, LocationAsset.id, assets).items() if name},
    )


def _values(events: Sequence[Event], key: str, kind: type) -> set[Any]:
    return {event.payload[key] for event in events if isinstance(event.payload.get(key), kind)}


def _pairs(query: sa.Select[*tuple[Any, ...]], column: Any, wanted: set[Any]) -> dict[Any, Any]:
    """What is there of these; nothing is asked where nothing is wanted."""
    if not wanted:
        return {}
    return {key: value for key, value in session().execute(query.where(column.in_(wanted)))}


def _said_already(key: str, said: Mapping[str, Any]) -> bool:
    """An artifact's and a command's name stand where their ids do; a state may be the status."""
    if key == "name":
        return "artifact" in said or "command" in said
    return key == "state" and str(said.get("status", "")).lower() == str(said[key]).lower()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {_change(one)}" for name, one in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _change(value: Any) -> Any:
    """A pair is what was before, and what is now."""
    if isinstance(value, list) and len(value) == 2:
        before, after = (one if one not in (None, "") else "nothing" for one in value)
        return f"{before} → {after}"
    return _plain(value)
