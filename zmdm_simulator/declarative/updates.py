"""System updates that declarations enforce: which one is due, and how far it is.

waiting -> downloading -> prepared -> installing -> none, one step at a time; between prepared and
installing lies the date that the declaration names, in the device's local time.
https://developer.apple.com/documentation/devicemanagement/softwareupdateenforcementspecific
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from zmdm_simulator.channel import Channel
from zmdm_simulator.core import DeviceCore
from zmdm_simulator.declarative.problem import Problem
from zmdm_simulator.declared import Held, Update
from zmdm_simulator.script import Do

TYPE = "com.apple.configuration.softwareupdate.enforcement.specific"
LOCAL = "%Y-%m-%dT%H:%M:%S"
NEXT = {"waiting": "downloading", "downloading": "prepared", "failed": "waiting"}
FAULTS = frozenset({Do.UPDATE_FAILS})


def check(device: DeviceCore, held: Held) -> None:
    """Refuse a target that is no version, has no date, or is not newer than what runs."""
    payload, model = held.payload, device.facts.model
    try:
        target = _numbers(payload["TargetOSVersion"])
        datetime.strptime(payload["TargetLocalDateTime"], LOCAL)  # noqa: DTZ007 - local by definition
    except ValueError as error:
        raise Problem("Error.ConfigurationIsInvalid", str(error)) from error
    build = payload.get("TargetBuildVersion")
    same = target == _numbers(model.os_version)
    supplement = same and build is not None and build != model.build
    if target < _numbers(model.os_version) or (same and not supplement):
        raise Problem(
            "Error.ConfigurationCannotBeApplied",
            f"{payload['TargetOSVersion']} is not newer than {model.os_version}.",
        )


def _numbers(version: str) -> tuple[int, ...]:
    """Return a version as three numbers: 26.1 and 26.1.0 are one."""
    numbers = [int(part) for part in version.split(".")]
    return tuple([*numbers, 0, 0][:3])


def choose(device: DeviceCore, channel: Channel, active: Iterable[Held]) -> None:
    """Take up the update with the earliest date; one whose declaration is gone is dropped."""
    due = min(
        active,
        key=lambda held: (held.payload["TargetLocalDateTime"], held.identifier),
        default=None,
    )
    if due is None:
        channel.declared.update = None
        return
    version, at = due.payload["TargetOSVersion"], due.payload["TargetLocalDateTime"]
    build = due.payload.get("TargetBuildVersion") or build_of(device, version)
    fresh, now = Update(due.identifier, version, build, at), channel.declared.update
    if now is not None and (now.version, now.build) == (version, build):
        fresh.state, fresh.failures, fresh.failed_at = now.state, now.failures, now.failed_at
    channel.declared.update = fresh


def build_of(device: DeviceCore, version: str) -> str:
    """Return the build of a version, if somebody told it; else one after the present one."""
    if version in device.builds:
        return device.builds[version]
    stem, number = re.fullmatch(r"(.*?)(\d*)[a-z]?", device.facts.model.build).groups()  # type: ignore[union-attr]
    return f"{stem}{int(number or 0) + 1}"


def step(device: DeviceCore, channel: Channel, now: datetime) -> bool:
    """Go one step on; True if the system is another one now."""
    update = channel.declared.update
    if update is None:
        return False
    rule = None
    if update.state == "downloading":
        rule = device.script.choose(device.facts, update.version, channel.kind, among=FAULTS)
    if rule is not None:
        update.state, update.failures = "failed", update.failures + 1
        update.failed_at = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    elif update.state == "installing":
        channel.declared.update = None
        device.update_system(update.version, update.build)
        return True
    elif update.state == "prepared":
        if device.installs_early or now >= due_at(device, update):
            update.state = "installing"
    else:
        update.state = NEXT[update.state]
    device.tell(f"update to {update.version}: {update.state}")
    return False


def due_at(device: DeviceCore, update: Update) -> datetime:
    """Return when an update is forced: its date is in the device's local time."""
    local = datetime.strptime(update.at, LOCAL)  # noqa: DTZ007
    return local.replace(tzinfo=UTC) - device.utc_offset
