"""Status items that are facts of the device, in its typed columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zmdm_plugin.models import Device
from zmdm_plugin.protocol import ddm
from zmdm_plugin.services import events, hardware, replan

_TEXTS = {
    "device.model.identifier": "model",
    "device.model.marketing-name": "model_name",
    "device.model.number": "model_number",
    "device.operating-system.build-version": "build_version",
    "device.operating-system.supplemental.build-version": "build_version_extra",
    "device.operating-system.supplemental.extra-version": "os_version_extra",
    "device.operating-system.version": "os_version",
}
_FLAGS = {
    "diskmanagement.filevault.enabled": "filevault_enabled",
    "passcode.is-compliant": "passcode_compliant",
    "passcode.is-present": "passcode_present",
}
_SERIAL = "device.identifier.serial-number"


def take(device: Device, items: Mapping[str, Any], *, full: bool) -> bool:
    """Take over what a report says; whether something changed that decides what the device gets."""
    values: dict[str, Any] = {}
    for path, column in _TEXTS.items():
        if (text := _text(ddm.item(items, path), column)) is not None:
            values[column] = text
    for path, column in _FLAGS.items():
        if isinstance(flag := ddm.item(items, path), bool):
            values[column] = flag
    if full and "os_version" in values:  # a supplement that is not told is not installed
        values = {"os_version_extra": None, "build_version_extra": None, **values}
    if serial := _text(ddm.item(items, _SERIAL), "serial_number"):
        values["serial_number"] = serial
    values = hardware.kept(device, values)
    changed = {name for name, value in values.items() if getattr(device, name) != value}
    if "serial_number" in changed and device.serial_number:
        events.record(
            "device.serial_number_changed",
            device=device,
            before=device.serial_number,
            after=values["serial_number"],
        )
    if "os_version" in changed and device.os_version:
        events.record(
            "device.os_updated",
            device=device,
            before=device.os_version,
            after=values["os_version"],
        )
    before = replan.facts(device)
    for name in changed:
        setattr(device, name, values[name])
    replan.if_facts_changed(device, before)
    return bool(changed & replan.FACTS)


def _text(value: Any, column: str) -> str | None:
    """A text that fits its column; None for anything else."""
    longest = getattr(Device.__table__.c[column].type, "length", None) or 0
    return value if isinstance(value, str) and 0 < len(value) <= longest else None
