"""The artifacts and the declarations of one device, for its page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zmdm_plugin.admin import artifact_words
from zmdm_plugin.admin.device_facts import Conversation
from zmdm_plugin.admin.words import Badge, Tone
from zmdm_plugin.models import Device
from zmdm_plugin.services.artifacts import standing
from zmdm_plugin.services.artifacts.standing import LEFT_OUT, Standing
from zmdm_plugin.services.declarations import seen
from zmdm_plugin.services.declarations.seen import Line

_AGAIN = ("failed", "removal_failed", "uninstalled")
_STATUSES: dict[str, tuple[str, Tone]] = {
    "planned": ("Not begun", "busy"),
    "left_out": ("Not for this device", "quiet"),
    "unwanted": ("To be removed", "busy"),
}
_GROUPS = (
    ("installed", ("installed",)),
    ("failed", ("failed", "removal_failed")),
    ("missing", ("uninstalled",)),
)
VIA = {"command": "Command", "declaration": "Declaration"}


def context(device: Device) -> dict[str, Any]:
    """A number of statements that depends on the channels, not on the artifacts."""
    found = standing.of(device)
    coming = [one for one in found if one.status != LEFT_OUT]
    return {
        "coming": coming,
        "left_out": [one for one in found if one.status == LEFT_OUT],
        "summary": summary(coming),
        "stands": status,
        "again": again,
        "types": artifact_words.TYPES,
        "via": VIA,
    }


def declared(talk: Conversation) -> dict[str, Any]:
    """What is offered on each channel that is in use, and what was reported there."""
    channels = [channel for channel in talk.every if channel.ended_at is None]
    found = [seen.of_channel(channel) for channel in channels]
    return {
        "seen": [one for one in found if one is not None],
        "line_status": line_status,
    }


def summary(found: Sequence[Standing]) -> str:
    """`3 installed, 1 failed, 2 under way`; empty for nothing."""
    said = []
    left = len(found)
    for words, names in _GROUPS:
        if number := sum(one.status in names for one in found):
            said.append(f"{number:,} {words}")
            left -= number
    if left:
        said.append(f"{left:,} under way")
    return ", ".join(said)


def status(one: Standing) -> Badge:
    """Where an artifact stands on this device."""
    if one.status in _STATUSES:
        words, tone = _STATUSES[one.status]
        return Badge(words, tone)
    if one.status == "installed" and one.reason:
        return Badge("Installed", "warn", one.reason)
    return artifact_words.status(one.status)


def again(one: Standing) -> bool:
    """Whether trying again is worth a button."""
    return one.row is not None and one.status in _AGAIN


def line_status(line: Line) -> Badge:
    """Where a declaration stands, in the device's words."""
    if not line.offered:
        return Badge("Held, not offered any more", "warn")
    if line.valid is None:
        return Badge("Not reported yet" if line.fetched else "Not fetched yet", "busy")
    if line.valid == "invalid":
        return Badge("Invalid", "bad")
    if line.active:
        return Badge("Active", "good" if line.valid == "valid" else "busy")
    words = "Valid, not active" if line.valid == "valid" else "Not active"
    return Badge(words, "warn" if line.reasons else "quiet")
