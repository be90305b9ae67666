"""Every change of what devices should have makes a new revision of the blueprints it touches.

A poll compares revisions in its one statement; a job wakes the touched channels in chunks, so that
no operator's transaction ever marks a fleet.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import ArtifactRequirement, BlueprintArtifact, Revision
from zmdm_plugin.models.blueprints import revision_name
from zmdm_plugin.services import licence_marks, wake

_TOUCHED = "zmdm_touched"


def of(blueprint_id: int) -> int:
    """The present revision of a blueprint; 0 before its first change."""
    name = revision_name(blueprint_id)
    return session().scalar(sa.select(Revision.value).where(Revision.name == name)) or 0


def touch(blueprint_ids: Iterable[int]) -> None:
    """Count up the revisions of some blueprints, in id order, and have their devices woken
    and their licences looked at."""
    session().flush()
    for blueprint_id in sorted(set(blueprint_ids)):
        wake.blueprint(blueprint_id)
    licence_marks.walk()
    session().info[_TOUCHED] = session()().get_transaction()


def touch_artifact(artifact_id: int) -> None:
    """The same for all blueprints that bring an artifact, directly or for another one."""
    touch(touched_by([artifact_id]))


def touched_by(artifact_ids: Iterable[int]) -> set[int]:
    """The blueprints that bring one of these artifacts."""
    rows = session().execute(
        sa.select(ArtifactRequirement.required_id, ArtifactRequirement.artifact_id)
    )
    dependents: dict[int, list[int]] = {}
    for required_id, artifact_id in rows:
        dependents.setdefault(required_id, []).append(artifact_id)
    reached: set[int] = set()
    waiting = list(artifact_ids)
    while waiting:
        artifact_id = waiting.pop()
        if artifact_id not in reached:
            reached.add(artifact_id)
            waiting += dependents.get(artifact_id, ())
    links = sa.select(BlueprintArtifact.blueprint_id).where(
        BlueprintArtifact.artifact_id.in_(list(reached))
    )
    return set(session().scalars(links))


def uncommitted() -> bool:
    """Whether this transaction has changed blueprints: what it sees may still be rolled back."""
    touched = session().info.get(_TOUCHED)
    return touched is not None and touched is session()().get_transaction()
