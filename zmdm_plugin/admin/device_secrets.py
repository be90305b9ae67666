"""Secrets of a device: how they stand, and one shown to whoever may see it, after the audit."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import device_facts as facts
from zmdm_plugin.admin.screen import Screen, acting, back, demand, may
from zmdm_plugin.admin.words import Badge
from zmdm_plugin.models import Device
from zmdm_plugin.services import access, devices, reveal
from zmdm_plugin.services.protection import health, replacing

PAGE = "zmdm_device_secret"
_BADGES = {
    "none": Badge("None", "quiet"),
    "kept": Badge("Kept", "good"),
    "pending": Badge("Waits for the device", "busy"),
    "missing": Badge("Missing", "bad"),
    "not validated": Badge("Not validated", "warn"),
    "wrong": Badge("Wrong", "bad"),
}
_FIRST = {"confirmed": 0, "pending": 1}
"""What may open the device comes before what did."""
STATES = {
    "pending": "The device may have it",
    "confirmed": "In force",
    "superseded": "Replaced by a later one",
    "refused": "The device did not take it",
}
KINDS = {
    "device_lock_pin": "Lock",
    "erase_pin": "Erase",
    "recovery_lock": "Recovery lock",
    "firmware_password": "Firmware password",
}


class DeviceSecret(Screen):
    """One secret of a device, with what it was before."""

    permission = access.VIEW_DEVICES

    @expose("/", methods=("POST",))
    def index(self, device_id: int, secret_name: str) -> Response:
        """By POST alone: no link, no history and no prefetch shows it."""
        secret = reveal.find(secret_name)
        demand(secret.permission, facts.find(device_id))
        with db.transaction():
            device = facts.find(device_id)
            shown = reveal.reveal(acting(), device, secret, all_versions=True)
        device = facts.find(device_id)
        return self.page(
            "zmdm/device_secret.html",
            title=f"{secret.title} of {facts.name_of(device)}",
            device=device,
            device_name=facts.name_of(device),
            secret=secret,
            shown=sorted(shown, key=lambda one: _FIRST.get(one.state, len(_FIRST))),
            kinds=KINDS,
            states=STATES,
        )

    @expose("/replace/", methods=("POST",))
    def replace(self, device_id: int, secret_name: str) -> Response:
        """Another one as soon as the device comes by."""
        secret = reveal.find(secret_name)
        demand(access.CHANGE_SECRETS, facts.find(device_id))
        with db.transaction():
            replacing.replace(acting(), devices.locked(device_id), secret.name)
        said = f"{secret.title}: the device is woken for another one."
        return back(said, "zmdm_device.secrets", device_id=device_id)


def context(device: Device) -> dict[str, Any]:
    """What the tab of a device's page shows; never a secret."""
    return {
        "standings": health.of(device),
        "warnings": health.warnings(device),
        "secrets": reveal.SECRETS,
        "badges": _BADGES,
        "replaceable": replacing.REPLACEABLE if may(access.CHANGE_SECRETS, device) else (),
        "why_none": lambda name: health.why_none(device, name),
    }
