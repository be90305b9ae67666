"""The version that a device has to run before it enrolls: decided from Apple's list of updates.

A device that cannot be asked, or to which Apple offers nothing that would do, is let in: held at
the gate it would wait for ever. Why it was let in is said, so that somebody may look.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from zmdm_plugin.protocol.machine_info import MachineInfo
from zmdm_plugin.protocol.platform import Platform, at_least, version
from zmdm_plugin.services.ade.rules import LATEST
from zmdm_plugin.services.software_updates import choice
from zmdm_plugin.services.software_updates.values import Facts, Feed, Release

_SETTINGS: Final = {
    Platform.IOS: "ios_min_version",
    Platform.MACOS: "macos_min_version",
    Platform.VISIONOS: "visionos_min_version",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`os_version` empty: come in; `warning` says what an operator may want to look at."""

    os_version: str = ""
    build: str = ""
    warning: str = ""


def asked_of(info: MachineInfo) -> str:
    """The name of the setting that this device's platform looks at, empty if none does."""
    platform = info.platform
    return _SETTINGS.get(platform.family, "") if platform else ""


def judge(info: MachineInfo, wanted: str, feed: Feed, *, today: date) -> Verdict:
    """What the device has to do first; `wanted` is a version, LATEST, or empty."""
    if not wanted or (wanted != LATEST and at_least(info.os_version, wanted)):
        return Verdict()
    if not info.can_request_update:
        return Verdict(warning=f"it runs {_runs(info)} and cannot be asked to update")
    facts = Facts(
        platform=info.platform,
        os_version=info.os_version,
        builds=info.builds,
        device_ids=info.device_ids,
    )
    if not feed.read:
        return Verdict(warning="Apple's list of updates has not been read yet")
    able = [one for one in feed.releases if choice.newest(facts, [one], below="", today=today)]
    target = _newest(able) if wanted == LATEST else _lowest(able, wanted)
    if target is None:
        what = "update" if wanted == LATEST else wanted
        return Verdict(warning=f"it runs {_runs(info)}, and Apple offers no {what} to it")
    if choice.reached(facts, target.version, target.build):
        return Verdict()
    name = f"{target.version} {target.extra}".strip()
    return Verdict(os_version=name, build=target.build)


def _newest(able: Iterable[Release]) -> Release | None:
    return max(able, key=lambda one: one.order, default=None)


def _lowest(able: Iterable[Release], minimum: str) -> Release | None:
    """The one that is nearest to the minimum: the operator has tried that, not the newest."""
    enough = [one for one in able if version(one.version) >= version(minimum)]
    return min(enough, key=lambda one: one.order, default=None)


def _runs(info: MachineInfo) -> str:
    return info.os_version or info.build_version
