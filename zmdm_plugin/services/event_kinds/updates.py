"""Events about software updates of devices."""

from __future__ import annotations

from zmdm_plugin.services.event_kinds.base import kind, maybe_text, text

_VERSION = text("Version of the operating system.")
_WHY = maybe_text("The reason.")

KINDS = (
    kind(
        "software_update.advertised",
        "Software update asked for",
        "The device is told to be at this version by then.",
        version=_VERSION,
        by=text("The device's local time."),
    ),
    kind(
        "software_update.installed",
        "Software update installed",
        "It has the version that it was told.",
        version=_VERSION,
        reason=_WHY,
    ),
    kind(
        "software_update.dropped",
        "Software update no longer asked for",
        "Nothing asks for it any more.",
        version=_VERSION,
        reason=_WHY,
    ),
    kind(
        "software_update.withdrawn",
        "Software update withdrawn",
        "Apple offers it no more.",
        version=_VERSION,
        reason=_WHY,
    ),
    kind(
        "software_update.replaced",
        "Software update replaced",
        "Another version stands in its place.",
        version=_VERSION,
        reason=_WHY,
    ),
    kind(
        "software_update.failed",
        "Software update failed",
        "The device reports a failure.",
        reason=_WHY,
    ),
)
