from __future__ import annotations

from zmdm_plugin.commands.base import MOBILE, Arguments, Command, registry
from zmdm_plugin.commands.effects import Effect, SetFacts
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import Platform


@registry.add
class DisableLostMode(Command):
    """It was found. https://developer.apple.com/documentation/devicemanagement/disable-lost-mode"""

    request_type = "DisableLostMode"
    fast_lane = True
    min_os = {Platform.IOS: "9.3"}
    supervised_on = MOBILE
    user_enrollment_on = frozenset()

    @classmethod
    def supersedes_key(cls, args: Arguments) -> str | None:
        return "lost mode"

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [SetFacts("LostMode", {"lost_mode": False})]
