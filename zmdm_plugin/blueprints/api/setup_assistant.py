"""/api/mdm/devices/<id>/setup_assistant/: whether a device waits there, for what; its release."""

from __future__ import annotations

from zmdm_plugin import db
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas.commands import CommandSchema
from zmdm_plugin.blueprints.api.schemas.setup_assistant import SetupAssistantSchema
from zmdm_plugin.commands import registry
from zmdm_plugin.services import access, audit, command_history, devices
from zmdm_plugin.services.setup import awaiting
from zmdm_plugin.services.setup.values import DEVICE
from zmdm_plugin.web.actor import api_actor

blueprint = Resource(
    "setup_assistant", path="/devices", description="Devices that wait in Setup Assistant."
)
_RELEASE = registry[DEVICE].permission


@blueprint.route(f"/<{ID}:device_id>/setup_assistant/")
@blueprint.operation(access.VIEW_DEVICES, 404)
@blueprint.response(200, SetupAssistantSchema)
def get_setup_assistant(device_id: int) -> awaiting.Wait:
    """Show whether a device waits in Setup Assistant

    As the device says itself, since when, until when at most, and what it waits for. The filter
    `setup` of the list of devices finds those that wait.
    """
    return awaiting.of(devices.find(api_actor(), device_id, access.VIEW_DEVICES))


@blueprint.route(f"/<{ID}:device_id>/setup_assistant/release/", methods=["POST"])
@blueprint.operation(_RELEASE, 404, 409)
@blueprint.response(201, CommandSchema)
def release_from_setup_assistant(device_id: int) -> command_history.ShownCommand:
    """Let a device go on in Setup Assistant

    Now, whatever it still waits for. A device that does not wait is a 422.
    """
    actor = api_actor()
    device = devices.find(actor, device_id, _RELEASE)
    with db.transaction():
        row = awaiting.release(device, actor)
        audit.record(actor, "setup.release", row, after=audit.snapshot(row))
        uuid = row.uid
    return command_history.get(uuid)
