"""What artifacts need: edges between them, which may never form a circle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict, Refused
from zmdm_plugin.models import Artifact, ArtifactRequirement, ArtifactVersion
from zmdm_plugin.protocol.platform import Platform
from zmdm_plugin.protocol.scope import Scope

REQUIRES, REFERENCE = "requires", "reference"


def needed(artifact_id: int, kind: str | None = None) -> list[int]:
    """The ids of what an artifact needs, directly."""
    edge = ArtifactRequirement
    chosen = sa.select(edge.required_id).where(edge.artifact_id == artifact_id)
    if kind is not None:
        chosen = chosen.where(edge.kind == kind)
    return list(dict.fromkeys(session().scalars(chosen.order_by(edge.required_id))))


def requires(artifact_ids: Iterable[int]) -> dict[int, list[int]]:
    """What operators say that some artifacts require, by artifact; one statement."""
    edge = ArtifactRequirement
    rows = session().execute(
        sa.select(edge.artifact_id, edge.required_id)
        .where(edge.artifact_id.in_(list(artifact_ids)), edge.kind == REQUIRES)
        .order_by(edge.required_id)
    )
    found: dict[int, list[int]] = {}
    for artifact_id, required_id in rows:
        found.setdefault(artifact_id, []).append(required_id)
    return found


def set_requires(artifact: Artifact, wanted: Sequence[int]) -> None:
    """Make these what the artifact requires; Refused for another channel, itself or a circle."""
    ids = list(dict.fromkeys(wanted))
    found = session().scalars(sa.select(Artifact).where(Artifact.id.in_(ids))).all()
    if missing := set(ids) - {one.id for one in found}:
        raise Refused("requires", f"there is no artifact {min(missing)}")
    for one in found:
        if one.channel != artifact.channel:
            raise Refused("requires", f"“{one.name}” is for {one.channel} channels")
    _put(artifact, REQUIRES, ids, field="requires")


def refresh_references(artifact: Artifact) -> None:
    """What the versions that a device may get refer to is what the artifact needs."""
    wanted: dict[int, None] = {}
    for content in _reachable(artifact):
        wanted.update(dict.fromkeys(one["artifact"] for one in content.get("references", ())))
    present = set(session().scalars(sa.select(Artifact.id).where(Artifact.id.in_(list(wanted)))))
    if wanted.keys() - present:
        raise Conflict("this version refers to an artifact that was deleted")
    _put(artifact, REFERENCE, list(wanted), field="source")


def _reachable(artifact: Artifact) -> list[dict[str, Any]]:
    """The contents of versions down to the first that is for every device."""
    version = ArtifactVersion
    rows = session().execute(
        sa.select(version.content, version.scope)
        .where(version.artifact_id == artifact.id)
        .order_by(version.rank.desc())
    )
    platforms = [Platform(name) for name in artifact.platforms]
    found = []
    for content, scope in rows:
        found.append(content)
        if Scope.from_json(scope).covers(platforms):
            break
    return found


def _put(artifact: Artifact, kind: str, ids: Sequence[int], *, field: str) -> None:
    _unless_circle(artifact, ids, field)
    edge = ArtifactRequirement
    session().execute(
        sa.delete(edge).where(edge.artifact_id == artifact.id, edge.kind == kind),
        execution_options={"synchronize_session": False},
    )
    if ids:
        rows = [
            {"artifact_id": artifact.id, "required_id": one, "kind": kind} for one in sorted(ids)
        ]
        session().execute(sa.insert(edge), rows)


def _unless_circle(artifact: Artifact, ids: Iterable[int], field: str) -> None:
    edges: dict[int, list[int]] = {}
    edge = ArtifactRequirement
    for one, other in session().execute(sa.select(edge.artifact_id, edge.required_id)):
        edges.setdefault(one, []).append(other)
    for start in ids:
        if path := _way(edges, start, artifact.id):
            raise Refused(field, f"would make a circle: {_named(artifact, path)}")


def _way(edges: Mapping[int, list[int]], start: int, end: int) -> list[int]:
    """The artifacts on a way from one to the other; empty if there is none."""
    came_from: dict[int, int | None] = {start: None}
    waiting = [start]
    while waiting:
        here = waiting.pop()
        if here == end:
            path: list[int] = []
            back: int | None = here
            while back is not None:
                path.append(back)
                back = came_from[back]
            return path[::-1]
        for other in edges.get(here, ()):
            if other not in came_from:
                came_from[other] = here
                waiting.append(other)
    return []


def _named(artifact: Artifact, path: Sequence[int]) -> str:
    rows = session().execute(
        sa.select(Artifact.id, Artifact.name).where(Artifact.id.in_([artifact.id, *path]))
    )
    names = {artifact_id: name for artifact_id, name in rows}
    return " needs ".join(f"“{names.get(one, one)}”" for one in (artifact.id, *path))
