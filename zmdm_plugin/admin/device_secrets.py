"""Secrets of a device, shown once to whoever may see them; the audit says so before they do."""

from __future__ import annotations

from flask import Response
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import device_facts as facts
from zmdm_plugin.admin.screen import Screen, acting, demand
from zmdm_plugin.services import access, reveal


class DevicePin(Screen):
    """The PIN that a Mac was locked or erased with."""

    permission = access.VIEW_DEVICES

    @expose("/", methods=("POST",))
    def index(self, device_id: int) -> Response:
        """By POST alone: no link, no history and no prefetch shows it."""
        device = facts.find(device_id)
        demand(reveal.VIEW_LOCK_PIN, device)
        with db.transaction():
            pins = reveal.lock_pins(acting(), facts.find(device_id), all_versions=True)
        device = facts.find(device_id)
        return self.page(
            "zmdm/device_pin.html",
            title=f"Lock PIN of {facts.name_of(device)}",
            device=device,
            device_name=facts.name_of(device),
            pins=pins,
            kinds={"device_lock_pin": "Lock", "erase_pin": "Erase"},
            states={
                "pending": "The device has not confirmed it yet",
                "confirmed": "In force",
                "superseded": "Replaced by a later one",
            },
        )
