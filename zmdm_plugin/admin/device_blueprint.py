"""The blueprint of one device: shown in its head, and chosen there."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import device_facts as facts
from zmdm_plugin.admin.screen import Screen, acting, back, demand, may
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import Device
from zmdm_plugin.services import access, audit, devices
from zmdm_plugin.services.artifacts import assignment, blueprints


class DeviceBlueprint(Screen):
    """The choice of somebody, which no TokenUpdate undoes."""

    permission = access.VIEW_DEVICES

    @expose("/", methods=("POST",))
    def index(self, device_id: int) -> Response:
        """`blueprint` is the id of one; empty takes away what the present one has brought."""
        demand(access.CHANGE_DEVICES, facts.find(device_id))
        given = request.form.get("blueprint", "").strip()
        if given and not (given.isascii() and given.isdecimal() and len(given) < 19):
            raise Refused("blueprint", "choose one of those that are offered")
        with db.transaction():
            device = devices.locked(device_id)
            before = {"blueprint_id": device.blueprint_id}
            wanted = assignment.blueprint(int(given) if given else None)
            changed = assignment.choose(device, wanted, actor=acting())
            after = {"blueprint_id": device.blueprint_id}
            audit.record(acting(), "device.blueprint", device, before=before, after=after)
        said = "The blueprint is chosen; the device is being woken." if changed else "It had it."
        return back(said, "zmdm_device.index", device_id=device_id)


def context(device: Device) -> dict[str, Any]:
    """For the head of a device's pages: one statement."""
    every = blueprints.every() if may(access.CHANGE_DEVICES, device) else []
    own = next((one for one in every if one.id == device.blueprint_id), None)
    return {
        "blueprint": own or assignment.blueprint(device.blueprint_id),
        "blueprint_choices": every,
    }


def screens(below: Screen) -> list[Screen]:
    """What this file adds below the list of devices."""
    url = "devices/<int:device_id>/blueprint"
    return [DeviceBlueprint("Blueprint", endpoint="zmdm_device_blueprint", url=url, below=below)]
