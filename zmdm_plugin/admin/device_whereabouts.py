"""Where a lost device was; shown to whoever may see it, and the audit says so before they do."""

from __future__ import annotations

from flask import Response
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import device_facts as facts
from zmdm_plugin.admin.screen import Screen, acting, demand
from zmdm_plugin.services import access, whereabouts


class DeviceWhereabouts(Screen):
    """The last places that a device in Lost Mode told."""

    permission = access.VIEW_DEVICES

    @expose("/", methods=("POST",))
    def index(self, device_id: int) -> Response:
        """By POST alone: no link, no history and no prefetch shows it."""
        device = facts.find(device_id)
        demand(whereabouts.VIEW_LOCATION, device)
        with db.transaction():
            places = whereabouts.places(acting(), facts.find(device_id))
        device = facts.find(device_id)
        return self.page(
            "zmdm/device_whereabouts.html",
            title=f"Where {facts.name_of(device)} was",
            device=device,
            device_name=facts.name_of(device),
            places=places,
        )
