"""What the variables in profiles and declarations stand for on one channel."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

from zmdm_plugin.db import session
from zmdm_plugin.models import Channel, RealmUser
from zmdm_plugin.services.realms import naming


def of(channel: Channel) -> Mapping[str, str]:
    """Name -> value, of those that have one here; the others are reported, never sent."""
    device = channel.device
    found: dict[str, str | None] = {
        "$ENROLLED_DEVICE.SERIAL_NUMBER": device.serial_number,
        "$ENROLLED_DEVICE.UDID": device.udid,
        "$MANAGED_APPLE_ID.EMAIL": (device.payload or {}).get("assigned_managed_apple_id"),
    }
    if channel.kind == "user":
        found["$ENROLLED_USER.LONG_NAME"] = channel.user_long_name
        found["$ENROLLED_USER.SHORT_NAME"] = channel.user_short_name
    if device.realm_user_id and (person := session().get(RealmUser, device.realm_user_id)):
        found.update(naming.variables(person))
    return {name: value for name, value in found.items() if value}


def digest(names: Iterable[str], known: Mapping[str, str]) -> str | None:
    """What these variables stand for, to be compared; None without variables."""
    told = {name: known.get(name) for name in sorted(names)}
    return hashlib.sha256(json.dumps(told).encode()).hexdigest() if told else None
