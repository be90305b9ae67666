"""What a device page shows, loaded in a fixed number of statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.admin.screen import acting, session
from zmdm_plugin.models import (
    Channel,
    ChannelCommand,
    Device,
    Event,
    InstalledApplication,
    InstalledCertificate,
    InstalledProfile,
)
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access, devices, push_certificates
from zmdm_plugin.services.waiting import why

_FEW = 10
_MOST = 2000  # more applications than any device has

INSTALLED: dict[str, tuple[type[Any], Any]] = {
    "applications": (InstalledApplication, InstalledApplication.name),
    "profiles": (InstalledProfile, InstalledProfile.display_name),
    "certificates": (InstalledCertificate, InstalledCertificate.common_name),
}


@dataclass(slots=True)
class Conversation:
    """A device's channels: its own, and those of its users."""

    own: Channel | None = None
    users: list[Channel] = field(default_factory=list)

    @property
    def every(self) -> list[Channel]:
        return [*([self.own] if self.own else []), *self.users]

    def named(self, channel_id: int) -> str:
        """Whose channel this is, for a list that mixes them."""
        return next((user_of(one) for one in self.users if one.id == channel_id), "")


def find(device_id: int) -> Device:
    """The device; NotFound where the one who acts may not even know that it exists."""
    return devices.find(acting(), device_id, access.VIEW_DEVICES)


def name_of(device: Device) -> str:
    """What to call it: its name, else its serial number, else its UDID."""
    return device.name or device.serial_number or device.udid or f"Device {device.id}"


def user_of(channel: Channel | None) -> str:
    """Whose channel it is; empty for the device's own."""
    if channel is None or channel.kind != "user":
        return ""
    return channel.user_short_name or channel.user_long_name or "user"


def conversation(device: Device) -> Conversation:
    """All channels of a device, those still in use first."""
    found = devices.channels(device.id)
    channels = sorted(found, key=lambda channel: channel.ended_at is not None)
    own = next((channel for channel in channels if channel.kind == "device"), None)
    return Conversation(own, [channel for channel in channels if channel.kind == "user"])


def outstanding(device: Device, talk: Conversation) -> list[tuple[ChannelCommand, str]]:
    """What is not finished yet, in the order of delivery, and why it waits."""
    rows = session().scalars(
        sa.select(ChannelCommand)
        .where(ChannelCommand.device_id == device.id, ChannelCommand.finished_at.is_(None))
        .order_by(ChannelCommand.lane, ChannelCommand.id)
        .limit(200)
    )
    channels = {channel.id: channel for channel in talk.every}
    ahead: dict[int, int] = dict.fromkeys(channels, 0)
    said, now = [], utcnow()
    resting = push_certificates.resting(device)
    for command in rows:
        channel = channels[command.channel_id]
        reason = why(command, channel, now, ahead=ahead[channel.id], resting=resting)
        said.append((command, reason))
        ahead[channel.id] += command.state != "not_now"
    return said


def finished(device: Device) -> Sequence[ChannelCommand]:
    """The last few that are finished."""
    return (
        session()
        .scalars(
            sa.select(ChannelCommand)
            .where(ChannelCommand.device_id == device.id, ChannelCommand.finished_at.is_not(None))
            .order_by(ChannelCommand.id.desc())
            .limit(_FEW)
        )
        .all()
    )


def events(device: Device) -> Sequence[Event]:
    """The last few things that happened."""
    return (
        session()
        .scalars(
            sa.select(Event)
            .where(Event.device_id == device.id)
            .order_by(Event.id.desc())
            .limit(_FEW)
        )
        .all()
    )


def installed(kind: str, talk: Conversation) -> Sequence[Any]:
    """What the device and its users have of one kind, by name."""
    model, name = INSTALLED[kind]
    channels = [channel.id for channel in talk.every]
    query = sa.select(model).where(model.channel_id.in_(channels)).order_by(name, model.id)
    return session().scalars(query.limit(_MOST)).all()
