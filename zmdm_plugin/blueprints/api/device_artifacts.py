"""/api/mdm/devices/<id>/artifacts/: what a device should have, has, and why they differ."""

from __future__ import annotations

from typing import Any

from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas.artifacts import (
    DeviceArtifact,
    ExplainQuery,
    ExplanationSchema,
)
from zmdm_plugin.services import access, devices
from zmdm_plugin.services.artifacts import artifacts, standing
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
