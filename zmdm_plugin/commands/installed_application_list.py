from __future__ import annotations

from typing import Any

import marshmallow as ma

from zmdm_plugin.commands import answers
from zmdm_plugin.commands.arguments import described, managed_only, storable
from zmdm_plugin.commands.base import BOTH, EVERYWHERE, Arguments, Command, Material, registry
from zmdm_plugin.commands.effects import App, Effect, ReplaceApps, Unreadable
from zmdm_plugin.commands.target import Target
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import AccessRights, Platform

#: Keys of an answer, the column of each. What is not here is not asked for, where one can choose:
#: some sizes cost a device seconds.
_FACTS: answers.Columns = {
    "Name": ("name", answers.text),
    "Version": ("version", answers.text),
    "ShortVersion": ("short_version", answers.text),
    "BundleSize": ("bundle_size", answers.integer),
    "DynamicSize": ("dynamic_size", answers.integer),
    "ExternalVersionIdentifier": ("external_version", answers.integer),
    "Installing": ("installing", answers.flag),
    "IsValidated": ("validated", answers.flag),
    "BetaApp": ("beta", answers.flag),
    "IsAppClip": ("app_clip", answers.flag),
    "AdHocCodeSigned": ("ad_hoc_signed", answers.flag),
    "AppStoreVendable": ("app_store", answers.flag),
    "DeviceBasedVPP": ("device_vpp", answers.flag),
    "HasUpdateAvailable": ("update_available", answers.flag),
    "Source": ("source", answers.text),
}
#: Comes unasked where it comes at all: it is no element of Items.
_NOT_ASKED = frozenset({"Source"})
_ITEMS_SINCE = {
    Platform.IOS: "14.0",
    Platform.TVOS: "14.0",
    Platform.VISIONOS: "1.1",
    Platform.WATCHOS: "10.0",
}
_CHOICE_SINCE = {
    **_ITEMS_SINCE,
    Platform.IOS: "7.0",
    Platform.TVOS: "10.2",
    Platform.MACOS: "10.15",
}


@registry.add
class InstalledApplicationList(Command):
    """Apps on it. https://developer.apple.com/documentation/devicemanagement/installedapplicationlistcommand"""

    request_type = "InstalledApplicationList"
    keys = {"identifiers": "Identifiers", "managed_only": "ManagedAppsOnly"}
    needs = ("target",)
    min_os = {
        Platform.IOS: "5.0",
        Platform.MACOS: "10.7",
        Platform.TVOS: "10.2",
        Platform.VISIONOS: "1.1",
        Platform.WATCHOS: "10.0",
    }
    args_min_os = {"identifiers": _CHOICE_SINCE, "managed_only": _CHOICE_SINCE}
    channels = {Platform.MACOS: BOTH}
    user_enrollment_on = EVERYWHERE - {Platform.MACOS}
    access_right = AccessRights.INSTALLED_APPS

    class Args(ma.Schema):
        managed_only = managed_only()
        identifiers = ma.fields.List(
            ma.fields.String(validate=[ma.validate.Length(min=1, max=255), storable]),
            validate=ma.validate.Length(max=500),
            metadata=described("Only the applications with these bundle identifiers."),
        )

    @classmethod
    def payload(cls, args: Arguments, material: Material) -> dict[str, Any]:
        payload = super().payload(args, material)
        target: Target = material["target"]
        if target.platform and target.knows(_ITEMS_SINCE):
            payload["Items"] = sorted(_asked(target))
        return payload

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        if (found := answers.items(answer.body, "InstalledApplicationList")) is None:
            return [Unreadable("InstalledApplicationList")]
        apps = tuple(
            App(identifier=identifier, **answers.columns(item, _FACTS))
            for item in found
            if (identifier := _identifier(item))
        )
        return [
            ReplaceApps(
                apps,
                managed_only=bool(args.get("managed_only")),
                complete=not args.get("identifiers"),
                asked=tuple(args.get("identifiers") or ()),
            )
        ]


def _asked(target: Target) -> set[str]:
    """Everything we have a column for, as far as this OS can be asked for it."""
    keys = {"Identifier", *_FACTS} - _NOT_ASKED
    if not target.knows({Platform.IOS: "16.0", Platform.VISIONOS: "1.1"}):
        keys.discard("IsAppClip")
    return keys


def _identifier(item: answers.Section) -> str | None:
    """Some applications of a Mac have no bundle identifier: then their name tells them apart."""
    return answers.text(item.get("Identifier")) or answers.text(item.get("Name"))
