"""Where tags decide who gets something: such a tag cannot just be deleted."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import (
    Artifact,
    ArtifactVersion,
    BlueprintArtifact,
    EnforcementTag,
    MDMBlueprint,
    SoftwareUpdateEnforcement,
)
from zmdm_plugin.protocol.scope import Scope


def of(tag_id: int) -> list[str]:
    """Links, versions and enforcements that look at a tag, in words; their tables are small."""
    return [*_links(tag_id), *_versions(tag_id), *_enforcements(tag_id)]


def _links(tag_id: int) -> Iterator[str]:
    rows = session().execute(
        sa.select(BlueprintArtifact.scope, Artifact.name, MDMBlueprint.name)
        .join(Artifact, Artifact.id == BlueprintArtifact.artifact_id)
        .join(MDMBlueprint, MDMBlueprint.id == BlueprintArtifact.blueprint_id)
        .order_by(BlueprintArtifact.id)
    )
    for scope, artifact, blueprint in rows:
        if tag_id in Scope.from_json(scope).tags:
            yield f"“{artifact}” in the blueprint “{blueprint}”"


def _versions(tag_id: int) -> Iterator[str]:
    rows = session().execute(
        sa.select(ArtifactVersion.scope, Artifact.name, ArtifactVersion.number)
        .join(Artifact, Artifact.id == ArtifactVersion.artifact_id)
        .order_by(ArtifactVersion.id)
    )
    for scope, artifact, number in rows:
        if tag_id in Scope.from_json(scope).tags:
            yield f"version {number} of “{artifact}”"


def _enforcements(tag_id: int) -> Iterator[str]:
    rows = session().scalars(
        sa.select(SoftwareUpdateEnforcement.name)
        .join(EnforcementTag, EnforcementTag.enforcement_id == SoftwareUpdateEnforcement.id)
        .where(EnforcementTag.tag_id == tag_id)
        .order_by(SoftwareUpdateEnforcement.name)
    )
    yield from (f"the software update enforcement “{name}”" for name in rows)
