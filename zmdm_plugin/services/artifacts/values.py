"""What the variables in profiles and declarations stand for on one channel."""

from __future__ import annotations

from collections.abc import Mapping

from zmdm_plugin.models import Channel


def of(channel: Channel) -> Mapping[str, str]:
    """Name -> value, of those that have one here; the others are reported, never sent."""
    device = channel.device
    found = {
        "$ENROLLED_DEVICE.SERIAL_NUMBER": device.serial_number,
        "$ENROLLED_DEVICE.UDID": device.udid,
        "$MANAGED_APPLE_ID.EMAIL": (device.payload or {}).get("assigned_managed_apple_id"),
    }
    if channel.kind == "user":
        found["$ENROLLED_USER.LONG_NAME"] = channel.user_long_name
        found["$ENROLLED_USER.SHORT_NAME"] = channel.user_short_name
    return {name: value for name, value in found.items() if value}
