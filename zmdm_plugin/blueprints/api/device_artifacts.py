"""/api/mdm/devices/<id>/artifacts/: what a device should have, has, and why they differ."""

from __future__ import annotations

from typing import Any

from zmdm_plugin import db
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas.artifacts import (
    DeviceArtifact,
    ExplainQuery,
    ExplanationSchema,
)
from zmdm_plugin.services import access, audit, devices
from zmdm_plugin.services.artifacts import again, artifacts, standing
from zmdm_plugin.services.artifacts.explain import Explanation, explain
from zmdm_plugin.web.actor import api_actor

blueprint = Resource(
    "device_artifacts", path="/devices", description="What a device should have, and has."
)


@blueprint.route(f"/<{ID}:device_id>/artifacts/")
@blueprint.operation(access.VIEW_DEVICES, 404)
@blueprint.response(200, DeviceArtifact(many=True))
def list_device_artifacts(device_id: int) -> list[standing.Standing]:
    """List the artifacts of a device

    On all its channels, in the order of their delivery: what it should have, what it has, and
    what it cannot have, each with the reason in words.
    """
    return standing.of(devices.find(api_actor(), device_id, access.VIEW_DEVICES))


@blueprint.route(f"/<{ID}:device_id>/artifacts/<{ID}:artifact_id>/explain/")
@blueprint.arguments(ExplainQuery, location="query")
@blueprint.operation(access.VIEW_DEVICES, 404)
@blueprint.response(200, ExplanationSchema)
def explain_device_artifact(query: dict[str, Any], device_id: int, artifact_id: int) -> Explanation:
    """Explain an artifact on a device

    Every rule in order, from the blueprint to what the device reported, and the first that stands
    in the way.
    """
    device = devices.find(api_actor(), device_id, access.VIEW_DEVICES)
    return explain(device, artifacts.find(artifact_id), channel_id=query.get("channel"))


@blueprint.route(f"/<{ID}:device_id>/artifacts/<{ID}:artifact_id>/retry/", methods=["POST"])
@blueprint.operation(access.CHANGE_DEVICES, 404, 409)
@blueprint.response(200, DeviceArtifact(many=True))
def retry_device_artifact(device_id: int, artifact_id: int) -> list[standing.Standing]:
    """Try an artifact again

    At once, on every channel of the device that should have it and has not, or has it still. Where
    it is as it should be, or nothing was tried yet, this is a 409.
    """
    actor = api_actor()
    devices.find(actor, device_id, access.CHANGE_DEVICES)
    with db.transaction():
        device = devices.locked(device_id)
        artifact = artifacts.find(artifact_id)
        again.retry(device, artifact)
        audit.record(actor, "device.retry_artifact", device, reason=artifact.name)
    return [one for one in standing.of(device) if one.artifact.id == artifact_id]
