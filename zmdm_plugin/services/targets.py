"""A channel as its commands may see it."""

from __future__ import annotations

from zmdm_plugin.commands.target import Target
from zmdm_plugin.db import session
from zmdm_plugin.models import Channel
from zmdm_plugin.protocol.platform import Platform, has_t2
from zmdm_plugin.protocol.who import ChannelKind

_HELD = "zmdm_conversing"


def conversing(channel_id: int) -> Channel:
    """The channel of this conversation; held, or the session would forget and read it again."""
    channel = session().get_one(Channel, channel_id)
    session().info[_HELD] = channel
    return channel


def target(channel: Channel) -> Target:
    """What a command may know of the channel it is meant for."""
    device = channel.device
    payload = device.payload or {}
    return Target(
        platform=Platform(device.platform) if device.platform else None,
        os_version=device.os_version,
        model=device.model,
        channel=ChannelKind(channel.kind),
        apple_silicon=device.apple_silicon,
        t2=has_t2(device.model),
        supervised=device.supervised,
        user_enrollment=bool(device.user_enrollment),
        account_driven=payload.get("enrollment_mode") in ("BYOD", "ADDE"),
        dep_enrollment=bool(device.dep_enrollment),
        user_approved=device.user_approved_enrollment,
        shared_ipad=bool(device.shared_ipad),
        lost_mode=device.lost_mode,
        awaiting=bool(device.awaiting_configuration) or channel.awaiting_since is not None,
        access_rights=payload.get("access_rights"),
        pin_required_for_erase=device.pin_required_for_erase,
        pin_required_for_lock=device.pin_required_for_lock,
        unlock_token=device.unlock_token_escrowed,
        bootstrap_token=device.bootstrap_token_escrowed,
        activation_lock=device.activation_lock_enabled,
    )
