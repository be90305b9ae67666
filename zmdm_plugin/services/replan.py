"""A device whose facts, tags or blueprint changed is planned anew, and woken for it.

Its licences are looked at anew, too, by a job.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from zmdm_plugin.models import Channel, Device
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import channels, licence_marks, wake

FACTS = frozenset(
    {
        "platform",
        "os_version",
        "serial_number",
        "supervised",
        "user_enrollment",
        "awaiting_configuration",
        "build_version",
        "build_version_extra",
        "software_update_device_id",
    }
)
"""Columns of a device that scopes look at, and the choice of software updates."""
_LOCKABLE = frozenset({"supervised", "activation_lock_manageable"})
"""Columns that say whether it makes a bypass code for Activation Lock."""


def device(changed: Device, *, bulk: bool = False) -> None:
    """Have the planner look at every open channel; the caller holds them, or is about to."""
    licence_marks.mark(changed.serial_number)
    for channel in channels.open_channels(changed):
        channel.plan_due_at = utcnow()
        wake.channel(channel, bulk=bulk)


def not_later(channel: Channel, moment: datetime | None) -> None:
    """Have the planner look at this channel by then, unless it does anyway."""
    if moment is not None and (channel.plan_due_at is None or channel.plan_due_at > moment):
        channel.plan_due_at = moment


def if_facts_changed(changed: Device, before: Mapping[str, Any]) -> None:
    """The same if a fact that scopes look at differs from what it was, for a known device."""
    if changed.blueprint_id is None:
        return
    former = before.get("serial_number")
    if former != changed.serial_number:
        licence_marks.mark(former)
    if any((before[name] or None) != (getattr(changed, name) or None) for name in FACTS):
        device(changed)


def if_lockable(channel: Channel, before: Mapping[str, Any]) -> None:
    """A device that turns out to make a bypass code is asked for it soon; it is in conversation."""
    if any(getattr(channel.device, name) and not before[name] for name in _LOCKABLE):
        not_later(channel, utcnow())


def facts(known: Device) -> dict[str, Any]:
    """The facts as they are now, to be compared after a change."""
    return {name: getattr(known, name) for name in FACTS | _LOCKABLE}
