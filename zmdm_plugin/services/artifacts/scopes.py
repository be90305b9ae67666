"""Scopes as operators give them: checked against the artifact and the tags that there are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import Artifact, ArtifactVersion, BlueprintArtifact, Tag
from zmdm_plugin.protocol.platform import Platform
from zmdm_plugin.protocol.scope import Scope


def checked(given: Any, artifact: Artifact) -> dict[str, Any]:
    """A scope for a link or a version, in the form that is stored; None: every device."""
    platforms = [Platform(name) for name in artifact.platforms]
    if given is None:
        return Scope.everything(platforms).to_json()
    scope = Scope.from_json(given)
    for platform in scope.platforms:
        if platform not in platforms:
            raise Refused("scope.platforms", f"the artifact is not for {platform}")
    present = set(session().scalars(sa.select(Tag.id).where(Tag.id.in_(list(scope.tags)))))
    if missing := scope.tags - present:
        raise Refused("scope", f"there is no tag {min(missing)}")
    return scope.to_json()


def platforms_in_use(artifact: Artifact) -> set[Platform]:
    """The platforms that scopes of its links and versions name."""
    scopes: Iterable[dict[str, Any]] = [
        *session().scalars(
            sa.select(BlueprintArtifact.scope).where(BlueprintArtifact.artifact_id == artifact.id)
        ),
        *session().scalars(
            sa.select(ArtifactVersion.scope).where(ArtifactVersion.artifact_id == artifact.id)
        ),
    ]
    return {platform for scope in scopes for platform in Scope.from_json(scope).platforms}
