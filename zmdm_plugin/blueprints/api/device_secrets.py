"""/api/mdm/devices/<id>/lock_pin/: a secret of a device, revealed and audited."""

from __future__ import annotations

from typing import Any

from zmdm_plugin import db
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas.device_secrets import LockPinSchema
from zmdm_plugin.services import devices, reveal
from zmdm_plugin.web.actor import api_actor

blueprint = Resource("device_secrets", path="/devices", description="Secrets of a device.")
_HEADERS = {"Cache-Control": "no-store"}


@blueprint.route(f"/<{ID}:device_id>/lock_pin/")
@blueprint.operation(reveal.VIEW_LOCK_PIN, 404)
@blueprint.response(200, LockPinSchema)
def get_lock_pin(device_id: int) -> Any:
    """Reveal the lock PIN of a device

    The PIN that a Mac was last locked or erased with, also one that was drawn for it. Each time is
    written to the audit. 404 where there is none.
    """
    actor = api_actor()
    found = devices.find(actor, device_id, reveal.VIEW_LOCK_PIN)
    with db.transaction():
        device = devices.find(actor, found.id, reveal.VIEW_LOCK_PIN)
        (pin,) = reveal.lock_pins(actor, device)
        answer = {"id": device.id, "serial_number": device.serial_number, "pin": pin}
    return answer, 200, _HEADERS
