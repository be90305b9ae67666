"""The doctor, and the settings as this process has read them."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import Any

from flask import Response
from flask_admin import expose

from zmdm_plugin.admin.screen import Screen
from zmdm_plugin.config import Settings, key_name
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access, doctor
from zmdm_plugin.state import state
from zmdm_plugin.web import probe

GROUP = "Administration"
_LONGEST = 120
_CREDENTIALS = re.compile("//[^/@]*@")
"""User and password in a URL (of a proxy)."""


class Doctor(Screen):
    """What devices depend on, and what to do about it."""

    permission = access.VIEW_SYSTEM

    @expose("/")
    def index(self) -> Response:
        """Looks at everything anew; that takes a few seconds where something does not answer."""
        found = doctor.examine(now=utcnow(), through_application=probe.unsigned_device_request)
        order = list(reversed(doctor.State))
        return self.page(
            "zmdm/doctor.html",
            title="Doctor",
            findings=sorted(found, key=lambda one: order.index(one.state)),
            worst=doctor.worst(found),
        )


@dataclass(frozen=True, slots=True)
class Setting:
    """One key as people may see it."""

    key: str
    value: str
    about: str
    changed: bool


class SettingsPage(Screen):
    """Every ZMDM_ key, secrets hidden; they are changed in the host's configuration."""

    permission = access.VIEW_SYSTEM

    @expose("/")
    def index(self) -> Response:
        """What this process goes by."""
        shown = [_setting(item, state().settings) for item in dataclasses.fields(Settings)]
        return self.page("zmdm/settings.html", title="Settings", settings=shown)


def screens() -> list[Screen]:
    """The screens of this area, for the menu."""
    return [
        Doctor("Doctor", endpoint="zmdm_doctor", url="doctor", group=GROUP),
        SettingsPage("Settings", endpoint="zmdm_settings", url="settings", group=GROUP),
    ]


def _setting(item: dataclasses.Field[Any], settings: Settings) -> Setting:
    value = getattr(settings, item.name)
    changed = bool(item.metadata["required"]) or value != item.default
    if item.metadata["secret"]:
        shown = "set, hidden" if value else "empty"
    elif isinstance(value, tuple):
        shown = ", ".join(map(str, value)) or "empty"
    elif isinstance(value, str) and "-----BEGIN " in value:
        shown = f"PEM, {value.count('-----BEGIN ')} part(s)"
    else:
        shown = str(value).lower() if isinstance(value, bool) else str(value) or "empty"
    shown = _CREDENTIALS.sub("//…@", shown)
    return Setting(key_name(item), shown[:_LONGEST], item.metadata["doc"], changed)
