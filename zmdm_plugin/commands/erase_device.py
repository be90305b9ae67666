from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import marshmallow as ma

from zmdm_plugin.commands.arguments import SIX_DIGITS, Base64, described
from zmdm_plugin.commands.base import Arguments, Command, Material, registry, why_failed
from zmdm_plugin.commands.effects import DeviceGone, Effect, Note
from zmdm_plugin.commands.target import Refusal, Target
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import AccessRights, Platform

_BEHAVIORS = ("Default", "DoNotObliterate", "ObliterateWithWarning", "Always")
_RETURN = {Platform.IOS: "17.0", Platform.TVOS: "18.0", Platform.VISIONOS: "26.0"}
_TO_BE_TOLD = ("disallow_proximity_setup", "preserve_data_plan")


@registry.add
class EraseDevice(Command):
    """Erase it. https://developer.apple.com/documentation/devicemanagement/erase-a-device"""

    request_type = "EraseDevice"
    keys = {
        "pin": "PIN",
        "preserve_data_plan": "PreserveDataPlan",
        "disallow_proximity_setup": "DisallowProximitySetup",
        "obliteration_behavior": "ObliterationBehavior",
    }
    secret = frozenset({"pin", "wifi_profile", "mdm_profile"})
    escrow = {"pin": "erase_pin"}
    fast_lane = True
    repeat = False
    min_os = {
        Platform.IOS: "4.0",
        Platform.MACOS: "10.7",
        Platform.TVOS: "10.2",
        Platform.VISIONOS: "1.1",
        Platform.WATCHOS: "10.0",
    }
    args_min_os = {
        "pin": {Platform.MACOS: "10.8"},
        "preserve_data_plan": {Platform.IOS: "11.0", Platform.WATCHOS: "10.0"},
        "disallow_proximity_setup": {Platform.IOS: "11.3"},
        "obliteration_behavior": {Platform.MACOS: "12.0"},
        "return_to_service": _RETURN,
        "wifi_profile": _RETURN,
        "mdm_profile": _RETURN,
    }
    user_enrollment_on = frozenset()
    access_right = AccessRights.ERASE

    class Args(ma.Schema):
        pin = ma.fields.String(
            validate=SIX_DIGITS,
            metadata=described(
                "Locks an Intel Mac while it is being erased; six digits. An Intel Mac without a "
                "T2 chip needs it, other Macs do without, and nothing else has one."
            ),
        )
        preserve_data_plan = ma.fields.Boolean(
            metadata=described(
                "Keep the eSIM. An iPhone, iPad or Apple Watch must be told, true or false."
            )
        )
        disallow_proximity_setup = ma.fields.Boolean(
            metadata=described(
                "Do not offer setup by a nearby device afterwards. An iPhone or iPad must be told, "
                "true or false."
            )
        )
        obliteration_behavior = ma.fields.String(
            validate=ma.validate.OneOf(_BEHAVIORS),
            metadata=described("What a Mac does where it cannot erase content and settings."),
        )
        return_to_service = ma.fields.Boolean(
            metadata=described("Let the device enroll again by itself afterwards.")
        )
        wifi_profile = Base64(
            metadata=described("Return to Service: the profile of the Wi-Fi network to use.")
        )
        mdm_profile = Base64(
            metadata=described("Return to Service: the enrollment profile, where ADE gives none.")
        )

    @classmethod
    def refuse(cls, target: Target, args: Arguments) -> Refusal | None:
        if not args.get("pin") and target.is_mac and _needs_pin(target):
            return Refusal("pin", "This Mac is erased with a PIN of six digits.")
        if args.get("disallow_proximity_setup") and target.shared_ipad:
            return Refusal("disallow_proximity_setup", "A Shared iPad does not know this.")
        for field in ("wifi_profile", "mdm_profile"):
            if args.get(field) and not args.get("return_to_service"):
                return Refusal(field, "This belongs to return_to_service.")
        return _untold(target, args)

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> dict[str, Any]:
        """A dictionary written by hand says false by leaving a key out."""
        return {**dict.fromkeys(_TO_BE_TOLD, False), **super().from_payload(payload)}

    @classmethod
    def supersedes_key(cls, args: Arguments) -> str | None:
        return "erase"

    @classmethod
    def payload(cls, args: Arguments, material: Material) -> dict[str, Any]:
        payload = super().payload(args, material)
        if args.get("return_to_service"):
            profiles = {"WiFiProfileData": "wifi_profile", "MDMProfileData": "mdm_profile"}
            given = {key: args[field] for key, field in profiles.items() if args.get(field)}
            payload["ReturnToService"] = {"Enabled": True, **given}
        return payload

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [DeviceGone("erased")]

    @classmethod
    def failed(cls, args: Arguments, answer: Answer) -> list[Effect]:
        if args.get("obliteration_behavior", "Default") != "Default":
            return []
        return [Note(f"The device may still be erasing itself, in spite of: {why_failed(answer)}")]


def _untold(target: Target, args: Arguments) -> Refusal | None:
    """What cannot be undone is decided by whoever erases, wherever there is something to decide."""
    for field in _TO_BE_TOLD:
        since = EraseDevice.args_min_os[field]
        if target.platform and target.knows(since) and args.get(field) is None:
            return Refusal(field, f"{target.platform}: say true or false.")
    return None


def _needs_pin(target: Target) -> bool:
    """What the Mac says counts; unasked, Intel without T2 needs a PIN."""
    if target.pin_required_for_erase is not None:
        return target.pin_required_for_erase
    return target.apple_silicon is False and not target.t2
