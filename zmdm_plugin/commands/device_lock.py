from __future__ import annotations

import marshmallow as ma

from zmdm_plugin.commands.arguments import SIX_DIGITS, described, storable
from zmdm_plugin.commands.base import EVERYWHERE, Arguments, Command, registry
from zmdm_plugin.commands.effects import Effect, Locked, NotLocked
from zmdm_plugin.commands.target import Refusal, Target
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import AccessRights, Platform


@registry.add
class DeviceLock(Command):
    """Lock the screen. https://developer.apple.com/documentation/devicemanagement/lock-a-device"""

    request_type = "DeviceLock"
    keys = {"pin": "PIN", "message": "Message", "phone_number": "PhoneNumber"}
    secret = frozenset({"pin"})
    escrow = {"pin": "device_lock_pin"}
    fast_lane = True
    repeat = False
    min_os = {
        Platform.IOS: "4.0",
        Platform.MACOS: "10.7",
        Platform.VISIONOS: "2.0",
        Platform.WATCHOS: "10.0",
    }
    args_min_os = {
        "message": {Platform.IOS: "7.0", Platform.MACOS: "10.14", Platform.WATCHOS: "10.0"},
        "phone_number": {Platform.IOS: "7.0", Platform.MACOS: "11.5", Platform.WATCHOS: "10.0"},
    }
    user_enrollment_on = EVERYWHERE - {Platform.MACOS}
    access_right = AccessRights.LOCK_AND_PASSCODE

    class Args(ma.Schema):
        pin = ma.fields.String(
            validate=SIX_DIGITS,
            metadata=described("Unlocks a Mac again; six digits. Macs need it, others have none."),
        )
        message = ma.fields.String(
            validate=[ma.validate.Length(max=255), storable],
            metadata=described("Shown on the lock screen.", format="textarea"),
        )
        phone_number = ma.fields.String(
            validate=[ma.validate.Length(max=64), storable],
            metadata=described("Shown on the lock screen, to call when the device is found."),
        )

    @classmethod
    def refuse(cls, target: Target, args: Arguments) -> Refusal | None:
        if target.is_mac and not args.get("pin"):
            return Refusal("pin", "A Mac is locked with a PIN of six digits.")
        if args.get("pin") and target.platform and not target.is_mac:
            return Refusal("pin", f"Only Macs are locked with a PIN, not {target.platform}.")
        return None

    @classmethod
    def supersedes_key(cls, args: Arguments) -> str | None:
        return "lock"

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [Locked()]

    @classmethod
    def failed(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [NotLocked()]
