"""/api/mdm/devices/<id>/location/ and local_users/: where it was, and whose accounts it has."""

from __future__ import annotations

from typing import Any

from zmdm_plugin import db
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas.device_whereabouts import LocalUsersSchema, LocationsSchema
from zmdm_plugin.models import Device
from zmdm_plugin.services import access, devices, whereabouts
from zmdm_plugin.web.actor import api_actor

blueprint = Resource(
    "device_whereabouts", path="/devices", description="Where a device is, and who uses it."
)
_HEADERS = {"Cache-Control": "no-store"}


@blueprint.route(f"/<{ID}:device_id>/location/")
@blueprint.operation(whereabouts.VIEW_LOCATION, 404)
@blueprint.response(200, LocationsSchema)
def get_device_location(device_id: int) -> Any:
    """See where a lost device was

    What it answered to its last DeviceLocation commands, the newest first. Each look is written to
    the audit. 404 where nothing is known.
    """
    actor = api_actor()
    found = devices.find(actor, device_id, whereabouts.VIEW_LOCATION)
    with db.transaction():
        device = devices.find(actor, found.id, whereabouts.VIEW_LOCATION)
        places = whereabouts.places(actor, device)
        answer = {"id": device.id, "serial_number": device.serial_number, "locations": places}
    return answer, 200, _HEADERS


@blueprint.route(f"/<{ID}:device_id>/local_users/")
@blueprint.operation(access.VIEW_DEVICES, 404)
@blueprint.response(200, LocalUsersSchema)
def list_local_users(device_id: int) -> Device:
    """List the accounts on a device

    Of a Mac or a Shared iPad, as it told them when it was last asked (`UserList`).
    """
    return devices.find(api_actor(), device_id, access.VIEW_DEVICES)
