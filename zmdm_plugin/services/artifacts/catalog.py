"""Blueprints compiled to values, kept in the process by revision, and what was decided by them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import (
    Artifact,
    ArtifactRequirement,
    ArtifactVersion,
    BlueprintArtifact,
    MDMBlueprint,
)
from zmdm_plugin.protocol.platform import Platform
from zmdm_plugin.protocol.scope import Facts, Scope
from zmdm_plugin.protocol.who import ChannelKind
from zmdm_plugin.services.artifacts import revisions
from zmdm_plugin.services.artifacts.compiled import Compiled, Item, Link, Version
from zmdm_plugin.services.artifacts.lru import kept as kept_values
from zmdm_plugin.services.artifacts.resolve import Resolution, resolve, scope_key

_BLUEPRINTS = 64
_RESOLUTIONS = 2048
_LISTS = {
    "collect_apps": "InstalledApplicationList",
    "collect_certificates": "CertificateList",
    "collect_profiles": "ProfileList",
}


def compiled(blueprint_id: int, revision: int | None = None) -> Compiled | None:
    """The blueprint as it is at this revision (None: the present one); None if it is gone.

    Four statements, or none where this process has it already.
    """
    wanted = revisions.of(blueprint_id) if revision is None else revision
    kept = kept_values("compiled", _BLUEPRINTS)
    found: Compiled | None = kept.get((blueprint_id, wanted))
    if found is not None:
        return found
    found = _compile(blueprint_id, wanted)
    if found is not None and not revisions.uncommitted():
        kept.put((blueprint_id, wanted), found)
    return found


def resolution(known: Compiled, facts: Facts) -> tuple[str, Resolution]:
    """The scope key of a channel and what it should have, decided once for all that share it."""
    key = scope_key(known, facts)
    kept = kept_values("resolutions", _RESOLUTIONS)
    found: Resolution | None = kept.get(key)
    if found is None:
        found = resolve(known, facts)
        if not revisions.uncommitted():
            kept.put(key, found)
    return key, found


def _compile(blueprint_id: int, revision: int) -> Compiled | None:
    row = (
        session()
        .execute(
            sa.select(
                MDMBlueprint.uid,
                MDMBlueprint.legacy_profiles_via_ddm,
                MDMBlueprint.apps_via_ddm,
                MDMBlueprint.inventory_interval,
                MDMBlueprint.collect_apps,
                MDMBlueprint.collect_certificates,
                MDMBlueprint.collect_profiles,
            ).where(MDMBlueprint.id == blueprint_id)
        )
        .one_or_none()
    )
    if row is None:
        return None
    rows = session().execute(
        sa.select(BlueprintArtifact.artifact_id, BlueprintArtifact.uid, BlueprintArtifact.scope)
        .where(BlueprintArtifact.blueprint_id == blueprint_id)
        .order_by(BlueprintArtifact.artifact_id)
    )
    links = {artifact_id: Link(uid, Scope.from_json(scope)) for artifact_id, uid, scope in rows}
    needs = _requirements(links)
    return Compiled(
        blueprint_id=blueprint_id,
        uid=row.uid,
        revision=revision,
        legacy_profiles_via_ddm=row.legacy_profiles_via_ddm,
        apps_via_ddm=row.apps_via_ddm,
        inventory_interval=row.inventory_interval,
        collect=tuple(
            (command, getattr(row, column) == "managed")
            for column, command in _LISTS.items()
            if getattr(row, column) != "no"
        ),
        links=links,
        items=_items(needs),
    )


Needs = Mapping[int, Mapping[str, list[int]]]
"""Artifact id -> kind of requirement -> ids of what it needs."""


def _requirements(roots: Iterable[int]) -> Needs:
    """All artifacts that are reached from these; the whole table is read, for it is small."""
    edges: dict[int, dict[str, list[int]]] = {}
    rows = session().execute(
        sa.select(
            ArtifactRequirement.artifact_id,
            ArtifactRequirement.kind,
            ArtifactRequirement.required_id,
        ).order_by(ArtifactRequirement.artifact_id, ArtifactRequirement.required_id)
    )
    for artifact_id, kind, required_id in rows:
        edges.setdefault(artifact_id, {}).setdefault(kind, []).append(required_id)
    reached: dict[int, dict[str, list[int]]] = {}
    waiting = list(roots)
    while waiting:
        artifact_id = waiting.pop()
        if artifact_id not in reached:
            reached[artifact_id] = edges.get(artifact_id, {})
            for needed in reached[artifact_id].values():
                waiting += needed
    return reached


def _items(needs: Needs) -> dict[int, Item]:
    """The artifacts with the versions that some device may get, newest rank first."""
    rows = session().execute(_candidates(needs))
    artifacts: dict[int, Artifact] = {}
    versions: dict[int, list[Version]] = {}
    for row in rows:
        artifact = row.Artifact
        artifacts[artifact.id] = artifact
        found = versions.setdefault(artifact.id, [])
        platforms = _platforms(artifact)
        if row.id is None or (found and found[-1].scope.covers(platforms)):
            continue  # behind a version for all there is nothing to be chosen
        found.append(_version(row))
    return {
        artifact_id: _item(artifact, needs[artifact_id], tuple(versions[artifact_id]))
        for artifact_id, artifact in artifacts.items()
    }


def _version(row: sa.Row[*tuple[Any, ...]]) -> Version:
    return Version(
        id=row.id,
        uid=row.uid,
        number=row.number,
        scope=Scope.from_json(row.scope),
        sha256=row.sha256,
        variables=frozenset(row.variables),
        location_asset=row.location_asset_id,
        declarable=bool(row.declarable),
        configured=bool(row.configured),
    )


def _candidates(needs: Needs) -> sa.Select[*tuple[Any, ...]]:
    version = ArtifactVersion
    return (
        sa.select(
            Artifact,
            version.id,
            version.uid,
            version.number,
            version.scope,
            version.sha256,
            version.variables,
            version.location_asset_id,
            version.content["declarable"].as_boolean().label("declarable"),
            version.content["configured"].as_boolean().label("configured"),
        )
        .outerjoin(version, version.artifact_id == Artifact.id)
        .where(Artifact.id.in_(list(needs)))
        .order_by(Artifact.id, version.rank.desc())
    )


def _platforms(artifact: Artifact) -> frozenset[Platform]:
    return frozenset(Platform(name) for name in artifact.platforms)


def _item(
    artifact: Artifact, needs: Mapping[str, list[int]], versions: tuple[Version, ...]
) -> Item:
    return Item(
        id=artifact.id,
        uid=artifact.uid,
        name=artifact.name,
        type=artifact.type,
        identifier=artifact.identifier,
        channel=ChannelKind(artifact.channel),
        platforms=_platforms(artifact),
        install_during_setup_assistant=artifact.install_during_setup_assistant,
        auto_update=artifact.auto_update,
        reinstall_interval=artifact.reinstall_interval,
        reinstall_on_os_update=artifact.reinstall_on_os_update,
        declaration_type=artifact.declaration_type,
        requires=tuple(needs.get("requires", ())),
        references=tuple(needs.get("reference", ())),
        versions=versions,
    )
