from __future__ import annotations

from zmdm_plugin.commands.base import MOBILE, Command, registry
from zmdm_plugin.commands.target import Refusal, Target
from zmdm_plugin.protocol.platform import Platform


@registry.add
class DeviceLocation(Command):
    """Where a device in Lost Mode is; its user is told afterwards that somebody asked.

    The answer is kept sealed with its command and shown to those who may see it, see
    services/whereabouts.py. https://developer.apple.com/documentation/devicemanagement/get-device-location
    """

    request_type = "DeviceLocation"
    min_os = {Platform.IOS: "9.3"}
    supervised_on = MOBILE
    user_enrollment_on = frozenset()

    @classmethod
    def unavailable(cls, target: Target) -> Refusal | None:
        return super().unavailable(target) or not_lost(target)


def not_lost(target: Target) -> Refusal | None:
    """Apple answers these in Lost Mode alone; one that has not said whether it is may try."""
    if target.lost_mode is False:
        return Refusal("", "This needs Lost Mode, which is not on.")
    return None
