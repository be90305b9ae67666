"""/api/mdm/blueprints/: what groups of devices should have, and the blueprint of a device."""

from __future__ import annotations

from typing import Any

from zmdm_plugin import db
from zmdm_plugin.blueprints.api import paging
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas.blueprints import (
    BlueprintArtifactSchema,
    BlueprintChange,
    BlueprintChoice,
    BlueprintQuery,
    BlueprintSchema,
    DeviceBlueprintSchema,
    NewBlueprint,
    NewLink,
    ScopeChange,
)
from zmdm_plugin.blueprints.api.schemas.fields import PageQuery
from zmdm_plugin.errors import NotFound, Refused
from zmdm_plugin.models import Artifact, BlueprintArtifact, Device, MDMBlueprint
from zmdm_plugin.services import access, audit, credential_lists, devices
from zmdm_plugin.services.artifacts import artifacts, assignment, blueprints
from zmdm_plugin.web.actor import api_actor

blueprint = Resource("blueprints", path="/blueprints", description="What devices should have.")
on_devices = Resource(
    "device_blueprint", path="/devices", description="Which blueprint a device has."
)


@blueprint.route("/")
@blueprint.arguments(BlueprintQuery, location="query")
@blueprint.operation(access.VIEW_BLUEPRINTS)
@blueprint.response(200, BlueprintSchema(many=True), headers=paging.HEADERS)
def list_blueprints(query: dict[str, Any]) -> Any:
    """List blueprints"""
    access.demand(api_actor(), access.VIEW_BLUEPRINTS)
    limit, ordering, cursor = query.pop("limit"), query.pop("ordering"), query.pop("cursor", None)
    page = credential_lists.page(MDMBlueprint, query, ordering=ordering, cursor=cursor, limit=limit)
    return paging.answer(page, limit)


@blueprint.route("/", methods=["POST"])
@blueprint.arguments(NewBlueprint)
@blueprint.operation(access.ADD_BLUEPRINTS, 400, 413, 415)
@blueprint.response(201, BlueprintSchema)
def create_blueprint(asked: dict[str, Any]) -> MDMBlueprint:
    """Make a blueprint"""
    actor = api_actor()
    access.demand(actor, access.ADD_BLUEPRINTS)
    with db.transaction():
        row = blueprints.create(asked.pop("name"), **asked)
        audit.record(actor, "blueprint.create", row, after=audit.snapshot(row))
    return row


@blueprint.route(f"/<{ID}:blueprint_id>/")
@blueprint.operation(access.VIEW_BLUEPRINTS, 404)
@blueprint.response(200, BlueprintSchema)
def get_blueprint(blueprint_id: int) -> MDMBlueprint:
    """Show a blueprint"""
    return _find(blueprint_id, access.VIEW_BLUEPRINTS)


@blueprint.route(f"/<{ID}:blueprint_id>/", methods=["PATCH"])
@blueprint.arguments(BlueprintChange)
@blueprint.operation(access.CHANGE_BLUEPRINTS, 400, 404, 413, 415)
@blueprint.response(200, BlueprintSchema)
def change_blueprint(asked: dict[str, Any], blueprint_id: int) -> MDMBlueprint:
    """Change a blueprint

    What is not named stays. Its devices are woken for it, as by every change of what it brings.
    """
    _find(blueprint_id, access.CHANGE_BLUEPRINTS)
    with db.transaction():
        row = blueprints.find(blueprint_id)
        before = audit.snapshot(row)
        blueprints.update(row, asked)
        audit.record(api_actor(), "blueprint.change", row, before=before, after=audit.snapshot(row))
    return row


@blueprint.route(f"/<{ID}:blueprint_id>/", methods=["DELETE"])
@blueprint.operation(access.DELETE_BLUEPRINTS, 404, 409)
@blueprint.response(204)
def delete_blueprint(blueprint_id: int) -> None:
    """Delete a blueprint

    A 409 as long as an enrollment or a device has it.
    """
    _find(blueprint_id, access.DELETE_BLUEPRINTS)
    with db.transaction():
        row = blueprints.find(blueprint_id)
        audit.record(api_actor(), "blueprint.delete", row, before=audit.snapshot(row))
        blueprints.delete(row)


@blueprint.route(f"/<{ID}:blueprint_id>/artifacts/")
@blueprint.arguments(PageQuery, location="query")
@blueprint.operation(access.VIEW_BLUEPRINTS, 404)
@blueprint.response(200, BlueprintArtifactSchema(many=True), headers=paging.HEADERS)
def list_blueprint_artifacts(query: dict[str, Any], blueprint_id: int) -> Any:
    """List the artifacts of a blueprint

    Those that it brings directly; what they require comes along.
    """
    row = _find(blueprint_id, access.VIEW_BLUEPRINTS)
    page = blueprints.links(row, cursor=query.get("cursor"), limit=query["limit"])
    return paging.answer(page.map(lambda pair: _shown(*pair)), query["limit"])


@blueprint.route(f"/<{ID}:blueprint_id>/artifacts/", methods=["POST"])
@blueprint.arguments(NewLink)
@blueprint.operation(access.CHANGE_BLUEPRINTS, 400, 404, 413, 415)
@blueprint.response(201, BlueprintArtifactSchema)
def add_blueprint_artifact(asked: dict[str, Any], blueprint_id: int) -> dict[str, Any]:
    """Put an artifact into a blueprint

    The devices in its scope get it.
    """
    _find(blueprint_id, access.CHANGE_BLUEPRINTS)
    with db.transaction():
        artifact = _artifact(asked["artifact"])
        link = blueprints.link(blueprints.find(blueprint_id), artifact, scope=asked["scope"])
        audit.record(api_actor(), "blueprint.link", link, after=audit.snapshot(link))
    return _shown(link, artifact)


@blueprint.route(f"/<{ID}:blueprint_id>/artifacts/<{ID}:artifact_id>/")
@blueprint.operation(access.VIEW_BLUEPRINTS, 404)
@blueprint.response(200, BlueprintArtifactSchema)
def get_blueprint_artifact(blueprint_id: int, artifact_id: int) -> dict[str, Any]:
    """Show an artifact of a blueprint"""
    row = _find(blueprint_id, access.VIEW_BLUEPRINTS)
    artifact = artifacts.find(artifact_id)
    return _shown(blueprints.find_link(row, artifact), artifact)


@blueprint.route(f"/<{ID}:blueprint_id>/artifacts/<{ID}:artifact_id>/", methods=["PUT"])
@blueprint.arguments(ScopeChange)
@blueprint.operation(access.CHANGE_BLUEPRINTS, 400, 404, 413, 415)
@blueprint.response(200, BlueprintArtifactSchema)
def set_blueprint_artifact_scope(
    asked: dict[str, Any], blueprint_id: int, artifact_id: int
) -> dict[str, Any]:
    """Change which devices get an artifact

    From those that are no longer in its scope, it is taken away.
    """
    _find(blueprint_id, access.CHANGE_BLUEPRINTS)
    with db.transaction():
        artifact = artifacts.find(artifact_id)
        link = blueprints.find_link(blueprints.find(blueprint_id), artifact)
        before = audit.snapshot(link)
        blueprints.change_link(link, asked["scope"])
        audit.record(
            api_actor(), "blueprint.change_link", link, before=before, after=audit.snapshot(link)
        )
    return _shown(link, artifact)


@blueprint.route(f"/<{ID}:blueprint_id>/artifacts/<{ID}:artifact_id>/", methods=["DELETE"])
@blueprint.operation(access.CHANGE_BLUEPRINTS, 404)
@blueprint.response(204)
def remove_blueprint_artifact(blueprint_id: int, artifact_id: int) -> None:
    """Take an artifact out of a blueprint

    And thereby from its devices.
    """
    _find(blueprint_id, access.CHANGE_BLUEPRINTS)
    with db.transaction():
        row = blueprints.find(blueprint_id)
        link = blueprints.find_link(row, artifacts.find(artifact_id))
        audit.record(api_actor(), "blueprint.unlink", link, before=audit.snapshot(link))
        blueprints.unlink(link)


@on_devices.route(f"/<{ID}:device_id>/blueprint/")
@on_devices.operation(access.VIEW_DEVICES, 404)
@on_devices.response(200, DeviceBlueprintSchema)
def get_device_blueprint(device_id: int) -> dict[str, Any]:
    """Show the blueprint of a device"""
    return _of_device(devices.find(api_actor(), device_id, access.VIEW_DEVICES))


@on_devices.route(f"/<{ID}:device_id>/blueprint/", methods=["PUT"])
@on_devices.arguments(BlueprintChoice)
@on_devices.operation(access.CHANGE_DEVICES, 400, 404, 413, 415)
@on_devices.response(200, DeviceBlueprintSchema)
def set_device_blueprint(asked: dict[str, Any], device_id: int) -> dict[str, Any]:
    """Choose the blueprint of a device

    It stays until the device enrolls anew, and the device is woken for it. What the former
    blueprint had brought and this one does not is taken away.
    """
    actor = api_actor()
    devices.find(actor, device_id, access.CHANGE_DEVICES)
    with db.transaction():
        device = devices.locked(device_id)
        before = {"blueprint_id": device.blueprint_id}
        assignment.choose(device, assignment.blueprint(asked["blueprint"]), actor=actor)
        after = {"blueprint_id": device.blueprint_id}
        audit.record(actor, "device.blueprint", device, before=before, after=after)
    return _of_device(device)


def _of_device(device: Device) -> dict[str, Any]:
    return {
        "blueprint": blueprints.find(device.blueprint_id) if device.blueprint_id else None,
        "chosen_by": device.blueprint_actor_id,
    }


def _shown(link: BlueprintArtifact, artifact: Artifact) -> dict[str, Any]:
    return {
        "artifact": artifact,
        "scope": link.scope,
        "created_at": link.created_at,
        "updated_at": link.updated_at,
    }


def _artifact(artifact_id: int) -> Artifact:
    try:
        return artifacts.find(artifact_id)
    except NotFound as error:
        raise Refused("artifact", str(error)) from None


def _find(blueprint_id: int, permission: str) -> MDMBlueprint:
    return credential_lists.find(
        MDMBlueprint, blueprint_id, actor=api_actor(), permission=permission
    )
