from __future__ import annotations

from zmdm_plugin.commands.base import EVERYWHERE, Arguments, Command, registry
from zmdm_plugin.commands.target import Refusal, Target
from zmdm_plugin.protocol.platform import Platform


@registry.add
class ClearRestrictionsPassword(Command):
    """Take away the passcode of Screen Time. https://developer.apple.com/documentation/devicemanagement/clear-the-restrictions-passcode"""

    request_type = "ClearRestrictionsPassword"
    min_os = {Platform.IOS: "8.0"}
    supervised_on = EVERYWHERE
    user_enrollment_on = frozenset()

    @classmethod
    def refuse(cls, target: Target, args: Arguments) -> Refusal | None:
        if target.shared_ipad:
            return Refusal("", "A Shared iPad does not know this.")
        return None

    @classmethod
    def supersedes_key(cls, args: Arguments) -> str | None:
        return "restrictions"
