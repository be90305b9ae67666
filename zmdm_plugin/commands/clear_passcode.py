from __future__ import annotations

from typing import Any

from zmdm_plugin.commands.base import Arguments, Command, Material, registry
from zmdm_plugin.commands.effects import Effect, FollowUp
from zmdm_plugin.commands.target import Refusal, Target
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import AccessRights, Platform


@registry.add
class ClearPasscode(Command):
    """Take its passcode away. https://developer.apple.com/documentation/devicemanagement/clear-the-passcode

    With the unlock token that the device once escrowed; it asks for a new passcode if it must
    have one.
    """

    request_type = "ClearPasscode"
    needs = ("unlock_token",)
    min_os = {Platform.IOS: "4.0", Platform.VISIONOS: "1.1", Platform.WATCHOS: "10.0"}
    user_enrollment_on = frozenset()
    access_right = AccessRights.LOCK_AND_PASSCODE

    @classmethod
    def refuse(cls, target: Target, args: Arguments) -> Refusal | None:
        if target.shared_ipad:
            return Refusal("", "A Shared iPad does not know this: its users have passwords.")
        if not target.unlock_token:
            return Refusal("", "The device has not given us an unlock token.")
        return None

    @classmethod
    def supersedes_key(cls, args: Arguments) -> str | None:
        return "passcode"

    @classmethod
    def payload(cls, args: Arguments, material: Material) -> dict[str, Any]:
        return {"RequestType": cls.request_type, "UnlockToken": material["unlock_token"]}

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [FollowUp("SecurityInfo")]
