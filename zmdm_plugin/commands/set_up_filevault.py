"""The profile that turns FileVault on and has its recovery key escrowed: put on, taken off."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from zmdm_plugin.commands.arguments import described
from zmdm_plugin.commands.base import Arguments, Command, Material, registry, why_failed
from zmdm_plugin.commands.effects import Effect, FollowUp, ProtectionDone, ProtectionFailed
from zmdm_plugin.commands.install_profile import profile_key
from zmdm_plugin.protocol import filevault
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import AccessRights, Platform

TASK = "filevault_profile"
_LOOK_AFTER = 600
"""Seconds until the Mac may have made a key; it is asked for it then."""


class FileVaultProfile(Command):
    """One order about the profile at a time; it goes by the planner's order alone."""

    manual = False
    min_os = {Platform.MACOS: "10.13"}
    user_enrollment_on = frozenset()
    access_right = AccessRights.INSTALL_PROFILES

    @classmethod
    def supersedes_key(cls, args: Arguments) -> str | None:
        return profile_key(filevault.IDENTIFIER)

    @classmethod
    def failed(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [ProtectionFailed(TASK, why_failed(answer)), FollowUp("ProfileList")]


@registry.add
class SetUpFileVault(FileVaultProfile):
    """Put it on. https://developer.apple.com/documentation/devicemanagement/fdefilevault"""

    request_type = "InstallProfile"
    name = "SetUpFileVault"
    needs = ("filevault_profile",)

    class Args(ma.Schema):
        digest = ma.fields.String(
            required=True, metadata=described("Of the configuration that it is made from.")
        )

    @classmethod
    def payload(cls, args: Arguments, material: Material) -> dict[str, Any]:
        return {"RequestType": cls.request_type, "Payload": material["filevault_profile"]}

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [ProtectionDone(TASK, args["digest"]), FollowUp("SecurityInfo", after=_LOOK_AFTER)]


@registry.add
class RemoveFileVaultProfile(FileVaultProfile):
    """Take it off; the disk stays encrypted. https://developer.apple.com/documentation/devicemanagement/remove-a-profile"""

    request_type = "RemoveProfile"
    name = "RemoveFileVaultProfile"

    @classmethod
    def payload(cls, args: Arguments, material: Material) -> dict[str, Any]:
        return {"RequestType": cls.request_type, "Identifier": filevault.IDENTIFIER}

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [ProtectionDone(TASK)]
