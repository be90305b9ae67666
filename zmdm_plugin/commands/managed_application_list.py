from __future__ import annotations

import marshmallow as ma

from zmdm_plugin.commands import answers
from zmdm_plugin.commands.arguments import described, storable
from zmdm_plugin.commands.base import BOTH, Arguments, Command, registry
from zmdm_plugin.commands.effects import Effect, ManagedApp, ManagedApps, Unreadable
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import AccessRights, Platform

_FACTS: answers.Columns = {
    "ManagementFlags": ("flags", answers.integer),
    "HasConfiguration": ("has_configuration", answers.flag),
    "HasFeedback": ("has_feedback", answers.flag),
    "IsValidated": ("validated", answers.flag),
    "ExternalVersionIdentifier": ("external_version", answers.integer),
}


@registry.add
class ManagedApplicationList(Command):
    """How far managed apps are. https://developer.apple.com/documentation/devicemanagement/managedapplicationlistcommand"""

    request_type = "ManagedApplicationList"
    keys = {"identifiers": "Identifiers"}
    min_os = {
        Platform.IOS: "5.0",
        Platform.MACOS: "11.0",
        Platform.TVOS: "10.2",
        Platform.VISIONOS: "1.1",
        Platform.WATCHOS: "10.0",
    }
    channels = {Platform.MACOS: BOTH}
    access_right = AccessRights.APPS

    class Args(ma.Schema):
        identifiers = ma.fields.List(
            ma.fields.String(validate=[ma.validate.Length(min=1, max=255), storable]),
            validate=ma.validate.Length(max=500),
            metadata=described("Only the apps with these bundle identifiers."),
        )

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        found = answers.section(answer.body, "ManagedApplicationList")
        if found is None:
            return [Unreadable("ManagedApplicationList")]
        apps = tuple(
            ManagedApp(
                identifier=name,
                state=answers.text(entry.get("Status"), 64) or "Unknown",
                **answers.columns(entry, _FACTS),
            )
            for name, entry in found.items()
            if answers.text(name) == name and isinstance(entry, dict)
        )
        return [ManagedApps(apps, asked=tuple(args.get("identifiers") or ()))]
