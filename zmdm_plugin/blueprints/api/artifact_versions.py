"""/api/mdm/artifacts/<id>/versions/: uploads, which of them is current, and for whom."""

from __future__ import annotations

import json
from typing import Any

from flask import Response

from zmdm_plugin import db
from zmdm_plugin.blueprints.api import paging
from zmdm_plugin.blueprints.api.artifacts import find
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas.artifacts import ArtifactVersionSchema, NewVersion
from zmdm_plugin.blueprints.api.schemas.blueprints import ScopeChange
from zmdm_plugin.blueprints.api.schemas.fields import PageQuery
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import ArtifactVersion
from zmdm_plugin.services import access, audit
from zmdm_plugin.services.artifacts import artifacts, versions
from zmdm_plugin.web.actor import api_actor
from zmdm_plugin.web.download import attachment

blueprint = Resource(
    "artifact_versions", path="/artifacts", description="The wordings of an artifact."
)
_ONE = f"/<{ID}:artifact_id>/versions/<{ID}:version_id>/"


@blueprint.route(f"/<{ID}:artifact_id>/versions/")
@blueprint.arguments(PageQuery, location="query")
@blueprint.operation(access.VIEW_ARTIFACTS, 404)
@blueprint.response(200, ArtifactVersionSchema(many=True), headers=paging.HEADERS)
def list_artifact_versions(query: dict[str, Any], artifact_id: int) -> Any:
    """List the versions of an artifact

    The newest first; the current one has the highest rank.
    """
    row = find(artifact_id, access.VIEW_ARTIFACTS)
    return paging.answer(versions.page(row, **query), query["limit"])


@blueprint.route(f"/<{ID}:artifact_id>/versions/", methods=["POST"])
@blueprint.arguments(NewVersion)
@blueprint.operation(access.CHANGE_ARTIFACTS, 400, 404, 413, 415)
@blueprint.response(201, ArtifactVersionSchema)
def upload_artifact_version(asked: dict[str, Any], artifact_id: int) -> ArtifactVersion:
    """Upload a version

    It is checked, and is the current one at once. What is wrong with it is a 422 in words; what
    is merely odd is in the `warnings` of its content. The source is sealed.
    """
    find(artifact_id, access.CHANGE_ARTIFACTS)
    actor = api_actor()
    with db.transaction():
        row = versions.create(
            artifacts.find(artifact_id),
            _source(asked),
            actor=actor,
            filename=asked["filename"],
            scope=asked["scope"],
        )
        audit.record(actor, "artifact.upload", row, after=audit.snapshot(row))
    return row


@blueprint.route(_ONE)
@blueprint.operation(access.VIEW_ARTIFACTS, 404)
@blueprint.response(200, ArtifactVersionSchema)
def get_artifact_version(artifact_id: int, version_id: int) -> ArtifactVersion:
    """Show a version"""
    return versions.find(find(artifact_id, access.VIEW_ARTIFACTS), version_id)


@blueprint.route(f"{_ONE}scope/", methods=["PUT"])
@blueprint.arguments(ScopeChange)
@blueprint.operation(access.CHANGE_ARTIFACTS, 400, 404, 413, 415)
@blueprint.response(200, ArtifactVersionSchema)
def set_artifact_version_scope(
    asked: dict[str, Any], artifact_id: int, version_id: int
) -> ArtifactVersion:
    """Change which devices get a version

    The others get the one of the next lower rank that is for them.
    """
    find(artifact_id, access.CHANGE_ARTIFACTS)
    with db.transaction():
        row = versions.find(artifacts.find(artifact_id), version_id)
        before = audit.snapshot(row)
        versions.change_scope(row, asked["scope"])
        audit.record(
            api_actor(), "artifact.change_scope", row, before=before, after=audit.snapshot(row)
        )
    return row


@blueprint.route(f"{_ONE}make_current/", methods=["POST"])
@blueprint.operation(access.CHANGE_ARTIFACTS, 404, 409)
@blueprint.response(200, ArtifactVersionSchema)
def make_artifact_version_current(artifact_id: int, version_id: int) -> ArtifactVersion:
    """Make a version the current one again

    A 409 if it is.
    """
    find(artifact_id, access.CHANGE_ARTIFACTS)
    with db.transaction():
        row = versions.find(artifacts.find(artifact_id), version_id)
        before = audit.snapshot(row)
        versions.make_current(row)
        audit.record(
            api_actor(), "artifact.make_current", row, before=before, after=audit.snapshot(row)
        )
    return row


@blueprint.route(_ONE, methods=["DELETE"])
@blueprint.operation(access.DELETE_ARTIFACTS, 404, 409)
@blueprint.response(204)
def delete_artifact_version(artifact_id: int, version_id: int) -> None:
    """Delete a version

    A 409 as long as a device has it, tried to install it, or is offered it.
    """
    find(artifact_id, access.DELETE_ARTIFACTS)
    with db.transaction():
        row = versions.find(artifacts.find(artifact_id), version_id)
        audit.record(api_actor(), "artifact.delete_version", row, before=audit.snapshot(row))
        versions.delete(row)


@blueprint.route(f"{_ONE}source/")
@blueprint.operation(access.VIEW_SOURCES, 404)
@blueprint.response(
    200, {"type": "string", "format": "binary"}, content_type="application/octet-stream"
)
def get_artifact_version_source(artifact_id: int, version_id: int) -> Response:
    """Download a version as it was uploaded

    It may hold passwords, so that each time is written to the audit.
    """
    find(artifact_id, access.VIEW_SOURCES)
    with db.transaction():
        row = versions.find(artifacts.find(artifact_id), version_id)
        body = versions.source(row)
        audit.record(api_actor(), "artifact.download_source", row)
    return attachment(body, row.filename or f"version-{row.number}", "application/octet-stream")


def _source(asked: dict[str, Any]) -> bytes:
    source: bytes | None = asked["source"]
    document = asked["document"]
    if (source is None) == (document is None):
        raise Refused("source", "give either source or document")
    if source is not None:
        return source
    return json.dumps(document, ensure_ascii=False).encode()
