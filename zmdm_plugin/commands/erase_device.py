from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import marshmallow as ma

from zmdm_plugin.commands.arguments import SIX_DIGITS, Base64, described
from zmdm_plugin.commands.base import Arguments, Command, Material, registry, why_failed
from zmdm_plugin.commands.effects import DeviceGone, Effect, Note
from zmdm_plugin.commands.target import Refusal, Target
from zmdm_plugin.protocol.checkin import return_to_service
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import AccessRights, Platform

_BEHAVIORS = ("Default", "DoNotObliterate", "ObliterateWithWarning", "Always")
_RETURN = {Platform.IOS: "17.0", Platform.TVOS: "18.0", Platform.VISIONOS: "26.0"}
_RETURNING = (
    *("wifi_profile", "wifi_artifact", "mdm_profile", "preserve_apps", "retry_enrollment"),
)
"""What says something about the way back only."""
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
        "wifi_artifact": _RETURN,
        "mdm_profile": _RETURN,
        "preserve_apps": {Platform.IOS: "26.0", Platform.VISIONOS: "26.0"},
        "retry_enrollment": {Platform.IOS: "27.0"},
    }
    needs = ("return_to_service",)
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
            metadata=described(
                "Return to Service: the device enrolls again by itself afterwards. Its Activation "
                "Lock has to be off."
            )
        )
        wifi_artifact = ma.fields.Integer(
            validate=ma.validate.Range(min=1, max=2**63 - 1),
            metadata=described(
                "Return to Service: the Wi-Fi network to use, by the id of the artifact that is "
                "its profile. Needed without Ethernet or mobile data.",
                label="Wi-Fi",
            ),
        )
        wifi_profile = Base64(
            metadata=described(
                "Return to Service: the profile of the Wi-Fi network itself, instead.",
                label="Wi-Fi profile",
            )
        )
        mdm_profile = Base64(
            metadata=described(
                "Return to Service: another enrollment profile. Not given, one is made as the "
                "device is erased, where Automated Device Enrollment does not bring it.",
                label="MDM profile",
            )
        )
        preserve_apps = ma.fields.Boolean(
            metadata=described(
                "Return to Service: keep the apps, by the bootstrap token that it has escrowed."
            )
        )
        retry_enrollment = ma.fields.Boolean(
            metadata=described("Return to Service: try again should the enrollment fail.")
        )

    @classmethod
    def refuse(cls, target: Target, args: Arguments) -> Refusal | None:
        if not args.get("pin") and target.is_mac and _needs_pin(target):
            return Refusal("pin", "This Mac is erased with a PIN of six digits.")
        if args.get("disallow_proximity_setup") and target.shared_ipad:
            return Refusal("disallow_proximity_setup", "A Shared iPad does not know this.")
        return _returning(target, args) or _untold(target, args)

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
            given = {name: args.get(name) or None for name in ("wifi_profile", "mdm_profile")}
            loaded = material.get("return_to_service") or {}
            payload["ReturnToService"] = return_to_service(
                enabled=True, retry=args.get("retry_enrollment"), **{**given, **loaded}
            )
        return payload

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [DeviceGone("erased", returns=bool(args.get("return_to_service")))]

    @classmethod
    def failed(cls, args: Arguments, answer: Answer) -> list[Effect]:
        if args.get("obliteration_behavior", "Default") != "Default":
            return []
        return [Note(f"The device may still be erasing itself, in spite of: {why_failed(answer)}")]


def _returning(target: Target, args: Arguments) -> Refusal | None:
    """What would leave the device in Setup Assistant instead of bringing it back."""
    if not args.get("return_to_service"):
        stray = next((field for field in _RETURNING if args.get(field)), None)
        return Refusal(stray, "This belongs to return_to_service.") if stray else None
    if target.activation_lock:
        why = "Its Activation Lock is on: it would ask for the account. Clear it first."
        return Refusal("return_to_service", why)
    if target.account_driven and not args.get("mdm_profile"):
        why = "Its person has to sign in for its enrollment: give an enrollment profile."
        return Refusal("mdm_profile", why)
    if args.get("wifi_profile") and args.get("wifi_artifact"):
        return Refusal("wifi_profile", "Give a profile or an artifact, not both.")
    if args.get("preserve_apps") and not target.bootstrap_token:
        return Refusal("preserve_apps", "The device has not given us a bootstrap token.")
    return None


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
