"""A Mac that was locked with a PIN: locked until it talks to us again.

What it says at once proves nothing, for it answers before it restarts into its lock screen. The PIN
is superseded then, and can be revealed as before.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from zmdm_plugin.models import Channel, Device
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import events, replan, vault

PROVES_NOTHING = timedelta(minutes=5)


def locked(channel: Channel) -> None:
    """The device took the lock; others than Macs are opened by their own passcode."""
    if channel.device.platform == "macOS":
        channel.device.locked_at = utcnow()
        replan.not_later(channel, look_at(channel.device))


def look_at(device: Device) -> datetime | None:
    """From when on a word of it proves that somebody has typed the PIN."""
    return device.locked_at + PROVES_NOTHING if device.locked_at is not None else None


def spoke(channel: Channel, now: datetime) -> datetime | None:
    """The device is in conversation: it is locked no more, or too early to tell; when to look."""
    due = look_at(channel.device) if channel.kind == "device" else None
    if due is None or due > now:
        return due
    unlocked(channel.device)
    events.record("device.unlocked", device=channel.device)
    return None


def unlocked(device: Device) -> None:
    """The PIN is of no use any more, as far as we know."""
    device.locked_at = None
    vault.supersede(device, vault.LOCK_PIN)
