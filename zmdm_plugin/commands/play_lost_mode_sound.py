from __future__ import annotations

from zmdm_plugin.commands.base import MOBILE, Command, registry
from zmdm_plugin.commands.device_location import not_lost
from zmdm_plugin.commands.target import Refusal, Target
from zmdm_plugin.protocol.platform import Platform


@registry.add
class PlayLostModeSound(Command):
    """Make a lost device heard until somebody turns it off, or for two minutes.

    https://developer.apple.com/documentation/devicemanagement/play-lost-mode-sound
    """

    request_type = "PlayLostModeSound"
    min_os = {Platform.IOS: "10.3"}
    supervised_on = MOBILE
    user_enrollment_on = frozenset()

    @classmethod
    def unavailable(cls, target: Target) -> Refusal | None:
        return super().unavailable(target) or not_lost(target)
