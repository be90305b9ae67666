"""/api/mdm/packages/: installers and applications, uploaded or fetched."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, BinaryIO, cast

from flask import request

from zmdm_plugin import db
from zmdm_plugin.blueprints.api import paging
from zmdm_plugin.blueprints.api.parsing import streams
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas.packages import (
    PackageChange,
    PackageFetch,
    PackageQuery,
    PackageSchema,
)
from zmdm_plugin.blueprints.api.schemas.tasks import TaskSchema
from zmdm_plugin.blueprints.api.task_results import accepted
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import Package
from zmdm_plugin.services import access, audit
from zmdm_plugin.services.packages import fetching, packages
from zmdm_plugin.services.storage import incoming
from zmdm_plugin.web import packages as taking
from zmdm_plugin.web.actor import api_actor

blueprint = Resource(
    "packages", path="/packages", description="Installers for Macs, and applications of one's own."
)
_BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {"type": "string", "format": "binary"},
                    "name": {"type": "string", "maxLength": 256},
                    "sha256": {"type": "string", "pattern": "^[0-9A-Fa-f]{64}$"},
                },
            },
            "example": {"file": "editor.pkg", "name": "Editor"},
        }
    },
}


@blueprint.route("/")
@blueprint.arguments(PackageQuery, location="query")
@blueprint.operation(access.VIEW_ARTIFACTS)
@blueprint.response(200, PackageSchema(many=True), headers=paging.HEADERS)
def list_packages(query: dict[str, Any]) -> Any:
    """List packages"""
    access.demand(api_actor(), access.VIEW_ARTIFACTS)
    return paging.answer(packages.page(**query), query["limit"])


@blueprint.route("/upload/", methods=["PUT"])
@blueprint.operation(access.CHANGE_ARTIFACTS, 400, 413, 415)
@blueprint.doc(requestBody=_BODY)
@blueprint.response(200, PackageSchema)
@streams
def upload_package() -> Package:
    """Upload a package

    A signed distribution (`.pkg`) or an application (`.ipa`), as multipart/form-data; it is read
    while it comes, and refused with the reason if no device would install it. The same file again
    is the same package.
    """
    actor = api_actor()
    access.demand(actor, access.CHANGE_ARTIFACTS)
    file = request.files.get("file")
    if file is None:
        raise Refused("file", "is needed, as multipart/form-data")
    pieces: Iterable[bytes] = incoming.pieces(cast(BinaryIO, file.stream))
    found = taking.take(
        pieces,
        actor=actor,
        filename=file.filename,
        name=request.form.get("name") or None,
        sha256=request.form.get("sha256") or None,
    )
    return packages.find(found)


@blueprint.route("/fetch/", methods=["POST"])
@blueprint.arguments(PackageFetch)
@blueprint.operation(access.CHANGE_ARTIFACTS, 400, 413, 415)
@blueprint.response(201, TaskSchema)
def fetch_package(asked: dict[str, Any]) -> dict[str, str]:
    """Fetch a package

    A job downloads it from a public https address; a file with another checksum is refused. The
    `result` of the task has the id of the package.
    """
    actor = api_actor()
    access.demand(actor, access.CHANGE_ARTIFACTS)
    with db.transaction():
        run = fetching.start(actor, **asked)
        answer = accepted(run)
    return answer


@blueprint.route(f"/<{ID}:package_id>/")
@blueprint.operation(access.VIEW_ARTIFACTS, 404)
@blueprint.response(200, PackageSchema)
def get_package(package_id: int) -> Package:
    """Show a package"""
    access.demand(api_actor(), access.VIEW_ARTIFACTS)
    return packages.find(package_id)


@blueprint.route(f"/<{ID}:package_id>/", methods=["PATCH"])
@blueprint.arguments(PackageChange)
@blueprint.operation(access.CHANGE_ARTIFACTS, 400, 404, 413, 415)
@blueprint.response(200, PackageSchema)
def change_package(asked: dict[str, Any], package_id: int) -> Package:
    """Rename a package"""
    actor = api_actor()
    access.demand(actor, access.CHANGE_ARTIFACTS)
    with db.transaction():
        row = packages.find(package_id)
        before = audit.snapshot(row)
        packages.rename(row, asked["name"])
        audit.record(actor, "package.change", row, before=before, after=audit.snapshot(row))
    return row


@blueprint.route(f"/<{ID}:package_id>/", methods=["DELETE"])
@blueprint.operation(access.DELETE_ARTIFACTS, 404, 409)
@blueprint.response(204)
def delete_package(package_id: int) -> None:
    """Delete a package

    A 409 as long as a version of an artifact installs it. Its file goes a day later.
    """
    actor = api_actor()
    access.demand(actor, access.DELETE_ARTIFACTS)
    with db.transaction():
        row = packages.find(package_id)
        audit.record(actor, "package.delete", row, before=audit.snapshot(row))
        packages.delete(row)
