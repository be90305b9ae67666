"""/api/mdm/artifacts/: what can be put on devices, and what became of it there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from zmdm_plugin import db
from zmdm_plugin.blueprints.api import paging
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas.artifacts import (
    OUTCOME,
    ArtifactChange,
    ArtifactQuery,
    ArtifactSchema,
    ArtifactStatus,
    NewArtifact,
    StatusCounts,
    StatusQuery,
)
from zmdm_plugin.models import Artifact, Channel, ChannelArtifact
from zmdm_plugin.services import access, audit, credential_lists
from zmdm_plugin.services.artifacts import artifacts, graph, standing
from zmdm_plugin.services.keyset import Page
from zmdm_plugin.web.actor import api_actor

blueprint = Resource("artifacts", path="/artifacts", description="What can be put on devices.")


@blueprint.route("/")
@blueprint.arguments(ArtifactQuery, location="query")
@blueprint.operation(access.VIEW_ARTIFACTS)
@blueprint.response(200, ArtifactSchema(many=True), headers=paging.HEADERS)
def list_artifacts(query: dict[str, Any]) -> Any:
    """List artifacts"""
    access.demand(api_actor(), access.VIEW_ARTIFACTS)
    query["blueprint_id"] = query.pop("blueprint", None)
    page = artifacts.page(**query)
    shown: Page[Any] = Page(_shown(page.items), page.next_cursor)
    return paging.answer(shown, query["limit"])


@blueprint.route("/", methods=["POST"])
@blueprint.arguments(NewArtifact)
@blueprint.operation(access.ADD_ARTIFACTS, 400, 413, 415)
@blueprint.response(201, ArtifactSchema)
def create_artifact(asked: dict[str, Any]) -> dict[str, Any]:
    """Make an artifact

    Without versions, that is without effect: upload the first one.
    """
    actor = api_actor()
    access.demand(actor, access.ADD_ARTIFACTS)
    with db.transaction():
        row = artifacts.create(asked.pop("type"), asked.pop("name"), **asked)
        audit.record(actor, "artifact.create", row, after=audit.snapshot(row))
    return _one(row)


@blueprint.route(f"/<{ID}:artifact_id>/")
@blueprint.operation(access.VIEW_ARTIFACTS, 404)
@blueprint.response(200, ArtifactSchema)
def get_artifact(artifact_id: int) -> dict[str, Any]:
    """Show an artifact"""
    return _one(find(artifact_id, access.VIEW_ARTIFACTS))


@blueprint.route(f"/<{ID}:artifact_id>/", methods=["PATCH"])
@blueprint.arguments(ArtifactChange)
@blueprint.operation(access.CHANGE_ARTIFACTS, 400, 404, 413, 415)
@blueprint.response(200, ArtifactSchema)
def change_artifact(asked: dict[str, Any], artifact_id: int) -> dict[str, Any]:
    """Change an artifact

    What is not named stays; its type and its channel always do.
    """
    find(artifact_id, access.CHANGE_ARTIFACTS)
    with db.transaction():
        row = artifacts.find(artifact_id)
        before = audit.snapshot(row)
        requires = asked.pop("requires", None)
        artifacts.update(row, asked, requires=requires)
        audit.record(api_actor(), "artifact.change", row, before=before, after=audit.snapshot(row))
    return _one(row)


@blueprint.route(f"/<{ID}:artifact_id>/", methods=["DELETE"])
@blueprint.operation(access.DELETE_ARTIFACTS, 404, 409)
@blueprint.response(204)
def delete_artifact(artifact_id: int) -> None:
    """Delete an artifact with all its versions

    A 409 as long as a blueprint, another artifact or a device uses it.
    """
    find(artifact_id, access.DELETE_ARTIFACTS)
    with db.transaction():
        row = artifacts.find(artifact_id)
        audit.record(api_actor(), "artifact.delete", row, before=audit.snapshot(row))
        artifacts.delete(row)


@blueprint.route(f"/<{ID}:artifact_id>/status/")
@blueprint.arguments(StatusQuery, location="query")
@blueprint.operation(access.VIEW_ARTIFACTS, 404)
@blueprint.response(200, ArtifactStatus(many=True), headers=paging.HEADERS)
def list_artifact_status(query: dict[str, Any], artifact_id: int) -> Any:
    """List the devices of an artifact

    Every channel on which something was done about it, and what became of it.
    """
    row = find(artifact_id, access.VIEW_ARTIFACTS)
    page = standing.page(api_actor(), row, **query)
    return paging.answer(page.map(lambda pair: _outcome(*pair)), query["limit"])


@blueprint.route(f"/<{ID}:artifact_id>/status/count/")
@blueprint.operation(access.VIEW_ARTIFACTS, 404)
@blueprint.response(200, StatusCounts)
def count_artifact_status(artifact_id: int) -> dict[str, Any]:
    """Count the devices of an artifact

    By status.
    """
    row = find(artifact_id, access.VIEW_ARTIFACTS)
    return {"counts": standing.counts(api_actor(), row)}


def find(artifact_id: int, permission: str) -> Artifact:
    """The artifact, if the actor may use this permission on it."""
    return credential_lists.find(Artifact, artifact_id, actor=api_actor(), permission=permission)


def _one(row: Artifact) -> dict[str, Any]:
    return _shown([row])[0]


def _shown(rows: Iterable[Artifact]) -> list[dict[str, Any]]:
    """Rows with what they require, in one more statement."""
    given = list(rows)
    requires = graph.requires(row.id for row in given)
    names = [column for column in ArtifactSchema().fields if column != "requires"]
    return [
        {**{name: getattr(row, name) for name in names}, "requires": requires.get(row.id, [])}
        for row in given
    ]


def _outcome(row: ChannelArtifact, channel: Channel) -> dict[str, Any]:
    return {
        **{name: getattr(row, name) for name in OUTCOME},
        "device_id": channel.device_id,
        "serial_number": channel.device.serial_number,
        "channel_id": channel.id,
        "user_short_name": channel.user_short_name,
    }
