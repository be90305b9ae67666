"""Secrets of a device: how they stand, and one shown to whoever may see it, after the audit."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import device_facts as facts
from zmdm_plugin.admin.screen import Screen, acting, back, demand, may
from zmdm_plugin.admin.words import Badge
from zmdm_plugin.errors import NotFound
from zmdm_plugin.models import Device
from zmdm_plugin.services import access, devices, reveal
from zmdm_plugin.services.protection import by_hand, health, replacing
from zmdm_plugin.services.protection.values import BYPASS_CODE, RECOVERY_PASSWORD

PAGE = "zmdm_device_secret"
_BADGES = {
    "none": Badge("None", "quiet"),
    "kept": Badge("Kept", "good"),
    "pending": Badge("Waits for the device", "busy"),
    "missing": Badge("Missing", "bad"),
    "not validated": Badge("Not validated", "warn"),
    "wrong": Badge("Wrong", "bad"),
}
_PROFILE_BADGES = {
    "kept": Badge("In place", "good"),
    "pending": Badge("Waits for the device", "busy"),
    "failed": Badge("Failed", "bad"),
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
        """Another one (or the profile again) as soon as the device comes by."""
        demand(access.CHANGE_SECRETS, facts.find(device_id))
        if secret_name not in replacing.ASKABLE:
            raise NotFound("This is not replaced by an order.")
        with db.transaction():
            replacing.replace(acting(), devices.locked(device_id), secret_name)
        return _told("The device is woken for it.", device_id)

    @expose("/set/", methods=("POST",))
    def set(self, device_id: int, secret_name: str) -> Response:
        """A recovery password that somebody chose; it is never shown again unless revealed."""
        demand(access.CHANGE_SECRETS, facts.find(device_id))
        if secret_name != RECOVERY_PASSWORD:
            raise NotFound("This cannot be chosen.")
        with db.transaction():
            device = devices.locked(device_id)
            by_hand.set_recovery_password(acting(), device, request.form.get("password", ""))
        return _told("The device is woken for its new recovery password.", device_id)

    @expose("/clear/", methods=("POST",))
    def clear(self, device_id: int, secret_name: str) -> Response:
        """Have the device forget its bypass code."""
        demand(access.CHANGE_SECRETS, facts.find(device_id))
        if secret_name != BYPASS_CODE:
            raise NotFound("This cannot be cleared.")
        with db.transaction():
            by_hand.clear_bypass_code(acting(), devices.locked(device_id))
        return _told("The device is woken, and forgets its code.", device_id)


def _told(said: str, device_id: int) -> Response:
    return back(said, "zmdm_device.secrets", device_id=device_id)


def context(device: Device) -> dict[str, Any]:
    """What the tab of a device's page shows; never a secret."""
    return {
        "standings": health.of(device),
        "warnings": health.warnings(device),
        "secrets": reveal.SECRETS,
        "badges": _BADGES,
        "profile": health.profile(device),
        "profile_badges": _PROFILE_BADGES,
        "changes_secrets": may(access.CHANGE_SECRETS, device),
        "replaceable": replacing.REPLACEABLE,
        "can_be_chosen": device.platform == "macOS" and not device.user_enrollment,
        "why_none": lambda name: health.why_none(device, name),
    }
