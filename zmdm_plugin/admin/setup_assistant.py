"""The button that lets a device go on in Setup Assistant."""

from __future__ import annotations

from flask import Response
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin.device_facts import find
from zmdm_plugin.admin.screen import Screen, acting, back, demand
from zmdm_plugin.commands import registry
from zmdm_plugin.services import audit, devices
from zmdm_plugin.services.setup import awaiting
from zmdm_plugin.services.setup.values import DEVICE

RELEASE = registry[DEVICE].permission


class SetupRelease(Screen):
    """Release now, whatever is still missing."""

    permission = RELEASE

    @expose("/", methods=("POST",))
    def index(self, device_id: int) -> Response:
        """Order it; the device is woken."""
        demand(RELEASE, find(device_id))
        with db.transaction():
            row = awaiting.release(devices.locked(device_id), acting())
            audit.record(acting(), "setup.release", row, after=audit.snapshot(row))
        said = "The device is being woken, and goes on in Setup Assistant."
        return back(said, "zmdm_device.index", device_id=device_id)


def screens(below: Screen) -> list[Screen]:
    """What is below a device."""
    url = "devices/<int:device_id>/release"
    return [SetupRelease("Release", endpoint="zmdm_setup_release", url=url, below=below)]
