"""The updates of one device, for its page: what it is told, what it says, what Apple offers it.

{% include "zmdm/device_updates.html" %} with what `context(device)` gives.
"""

from __future__ import annotations

from typing import Any

from zmdm_plugin.admin.words import Badge, Tone
from zmdm_plugin.models import Device
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.protection import health
from zmdm_plugin.services.software_updates import standing

_ENDED: dict[str, tuple[str, Tone]] = {
    "installed": ("Installed", "good"),
    "withdrawn": ("Withdrawn by Apple", "quiet"),
    "replaced": ("Replaced", "quiet"),
    "dropped": ("Dropped", "quiet"),
}
_KINDS = {
    "background": "Background improvement",
    "patch": "Patch",
    "minor": "Minor",
    "major": "Major",
}


def context(device: Device) -> dict[str, Any]:
    """What the template needs; a fixed number of statements."""
    found = standing.of_device(device, now=utcnow())
    return {
        "updates": found,
        "update_kinds": [
            (shown, found.offered[kind]) for kind, shown in _KINDS.items() if kind in found.offered
        ],
        "update_ended": ended,
        "update_warnings": health.update_warnings(device),
    }


def ended(how: str) -> Badge:
    """How a target ended."""
    words, tone = _ENDED.get(how, (how, "quiet"))
    return Badge(words, tone)
