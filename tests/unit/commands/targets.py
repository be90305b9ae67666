"""Channels that the tests of commands aim at, and a profile to install on them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from zmdm_plugin.commands import Target
from zmdm_plugin.protocol import plist
from zmdm_plugin.protocol.platform import Platform
from zmdm_plugin.protocol.who import ChannelKind

MAC = Target(platform=Platform.MACOS, os_version="26.1", supervised=True)
IPHONE = Target(platform=Platform.IOS, os_version="26.1", supervised=True)
IPAD = Target(platform=Platform.IPADOS, os_version="26.1", supervised=True)
APPLE_TV = Target(platform=Platform.TVOS, os_version="26.1", supervised=True)
PROFILE = plist.dumps(
    {
        "PayloadType": "Configuration",
        "PayloadVersion": 1,
        "PayloadIdentifier": "com.example.wifi",
        "PayloadUUID": "5E884898-0000-4000-8000-000000000001",
        "PayloadContent": [],
    }
)


def change(target: Target, **facts: Any) -> Target:
    """The same channel but for some facts."""
    return replace(target, **facts)


def on_user_channel(target: Target) -> Target:
    """A user's channel on the same device."""
    return replace(target, channel=ChannelKind.USER)
