from __future__ import annotations

from collections.abc import Callable
from typing import Any

import marshmallow as ma

from zmdm_plugin.commands.arguments import described, storable
from zmdm_plugin.commands.base import MOBILE, Arguments, Command, registry
from zmdm_plugin.commands.effects import Effect, FollowUp, SetFacts
from zmdm_plugin.commands.target import Refusal, Target
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import Platform

_SHOWN: list[Callable[[Any], Any]] = [ma.validate.Length(max=255), storable]


@registry.add
class EnableLostMode(Command):
    """Lock a lost device and show how to return it; nobody can use it until the mode is ended.

    https://developer.apple.com/documentation/devicemanagement/enable-lost-mode
    """

    request_type = "EnableLostMode"
    keys = {"message": "Message", "phone_number": "PhoneNumber", "footnote": "Footnote"}
    fast_lane = True
    min_os = {Platform.IOS: "9.3"}
    supervised_on = MOBILE
    user_enrollment_on = frozenset()

    class Args(ma.Schema):
        message = ma.fields.String(
            validate=_SHOWN,
            metadata=described(
                "Shown on the lock screen: this or a phone number.", format="textarea"
            ),
        )
        phone_number = ma.fields.String(
            validate=_SHOWN, metadata=described("Shown, and called with a tap.")
        )
        footnote = ma.fields.String(
            validate=_SHOWN, metadata=described("Shown in the place of “Slide to unlock”.")
        )

    @classmethod
    def refuse(cls, target: Target, args: Arguments) -> Refusal | None:
        if not (args.get("message") or args.get("phone_number")):
            return Refusal("message", "Say a message or a phone number, so that it comes back.")
        return None

    @classmethod
    def supersedes_key(cls, args: Arguments) -> str | None:
        return "lost mode"

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [SetFacts("LostMode", {"lost_mode": True}), FollowUp("DeviceLocation")]
