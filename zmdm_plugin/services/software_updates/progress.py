"""How far devices are with their updates: the softwareupdate.* items of their status reports.

https://developer.apple.com/documentation/devicemanagement/statussoftwareupdateinstallstate
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from zmdm_plugin.db import session
from zmdm_plugin.models import Device
from zmdm_plugin.models.base import as_utc, utcnow
from zmdm_plugin.models.software_updates import DeviceUpdate
from zmdm_plugin.services import events, replan

SECTION = "softwareupdate"
STATES = {
    "none": "nothing is pending",
    "waiting": "it waits to begin",
    "downloading": "it downloads",
    "prepared": "it is downloaded and ready to install",
    "installing": "it installs",
    "failed": "it failed",
}
REASONS = {
    "system-settings": "someone asked for it in Settings",
    "install-tonight": "someone chose “tonight”",
    "auto-update": "automatic updates",
    "notification": "someone chose it in a notification",
    "setup-assistant": "Setup Assistant",
    "command-line": "the command line",
    "mdm": "a command of ours",
    "declaration": "it is enforced",
}


def take(device: Device, items: Mapping[str, Any], *, now: datetime | None = None) -> bool:
    """Keep what a report says of updates; whether it said anything new.

    `items`: the merged status, nested (`{"softwareupdate": {"install-state": …}}`) or by full
    names (`{"softwareupdate.install-state": …}`). What cannot be read is passed over.
    """
    said = _section(items)
    if not said:
        return False
    moment = now or utcnow()
    row = session().get(DeviceUpdate, device.id)
    if row is None:
        row = DeviceUpdate(device_id=device.id, failure_count=0)
        session().add(row)
    values = {name: value for read in _READERS for name, value in read(said).items()}
    changed = {name for name, value in values.items() if getattr(row, name) != value}
    if "install_state" in changed:
        row.state_at = moment
    failures = row.failure_count
    for name in changed:
        setattr(row, name, values[name])
    row.reported_at = moment
    if (row.failure_count or 0) > failures:
        events.record("software_update.failed", device=device, reason=row.failure_reason)
    return _device_id(device, said) or bool(changed)


def failure(row: DeviceUpdate | None) -> str:
    """What went wrong, in words; empty if nothing did."""
    if row is None or not row.failure_count:
        return ""
    times = "once" if row.failure_count == 1 else f"{row.failure_count} times"
    said = f"It failed {times}"
    if row.failed_at is not None:
        said += f", last on {row.failed_at:%Y-%m-%d %H:%M} UTC"
    return f"{said}: {row.failure_reason}" if row.failure_reason else said


def words(row: DeviceUpdate | None) -> str:
    """What the device is doing, in words; empty if it never said."""
    if row is None or row.install_state is None:
        return ""
    said = STATES.get(row.install_state, row.install_state)
    if row.pending_os_version:
        build = f" ({row.pending_build_version})" if row.pending_build_version else ""
        said += f": {row.pending_os_version}{build}"
    reasons = [REASONS.get(str(one), str(one)) for one in row.reasons or ()]
    if reasons:
        said += f", for {' and '.join(reasons)}"
    return said


def _section(items: Mapping[str, Any]) -> dict[str, Any]:
    nested = items.get(SECTION)
    found = dict(nested) if isinstance(nested, Mapping) else {}
    dotted = f"{SECTION}."
    found |= {
        str(name).removeprefix(dotted): value
        for name, value in items.items()
        if str(name).startswith(dotted)
    }
    return found


def _state(said: Mapping[str, Any]) -> dict[str, Any]:
    given = _text(said.get("install-state"), 32)
    return {"install_state": given} if given else {}


def _pending(said: Mapping[str, Any]) -> dict[str, Any]:
    given = said.get("pending-version")
    if not isinstance(given, Mapping):
        return {}
    return {
        "pending_os_version": _text(given.get("os-version"), 64) or None,
        "pending_build_version": _text(given.get("build-version"), 64) or None,
    }


def _reasons(said: Mapping[str, Any]) -> dict[str, Any]:
    given = said.get("install-reason")
    if not isinstance(given, Mapping):
        return {}
    listed = given.get("reason")
    reasons = [_text(one, 64) for one in listed] if isinstance(listed, list) else []
    return {
        "reasons": [one for one in reasons if one][:10],
        "declaration_identifier": _text(given.get("declaration-id"), 64) or None,
    }


def _failure(said: Mapping[str, Any]) -> dict[str, Any]:
    given = said.get("failure-reason")
    if not isinstance(given, Mapping):
        return {}
    count = given.get("count")
    number = count if type(count) is int and 0 <= count < 2**31 else 0
    return {
        "failure_count": number,
        "failure_reason": _text(given.get("reason"), 500) or None,
        "failed_at": _moment(given.get("timestamp")),
    }


def _beta(said: Mapping[str, Any]) -> dict[str, Any]:
    given = said.get("beta-enrollment")
    return {"beta_program": _text(given, 256) or None} if isinstance(given, str) else {}


_READERS = (_state, _pending, _reasons, _failure, _beta)


def _device_id(device: Device, said: Mapping[str, Any]) -> bool:
    given = _text(said.get("device-id"), 128)
    if not given or given == device.software_update_device_id:
        return False
    before = replan.facts(device)
    device.software_update_device_id = given
    replan.if_facts_changed(device, before)
    return True


def _text(value: Any, longest: int) -> str:
    if not isinstance(value, str):
        return ""
    storable = value.encode("utf-8", "replace").decode().replace("\0", "")
    return storable.strip()[:longest]


def _moment(value: Any) -> datetime | None:
    try:
        return as_utc(datetime.fromisoformat(value)) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None
