from __future__ import annotations

from typing import Any

import marshmallow as ma

from zmdm_plugin.commands.arguments import described
from zmdm_plugin.commands.base import Arguments, Command, Material, registry, why_failed
from zmdm_plugin.commands.effects import Effect, ProtectionFailed, SecretConfirmed, SecretWrong
from zmdm_plugin.commands.target import Refusal, Target
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import AccessRights, Platform

TASK = "admin_password"


@registry.add
class SetAutoAdminPassword(Command):
    """Another password for the administrator that Setup Assistant made. https://developer.apple.com/documentation/devicemanagement/set-auto-admin-password

    It needs no former password, so it may be repeated: the same order sets the same password.
    """

    request_type = "SetAutoAdminPassword"
    manual = False
    needs = ("version_hash", "auto_admin")
    min_os = {Platform.MACOS: "10.11"}
    user_enrollment_on = frozenset()
    access_right = AccessRights(0)

    class Args(ma.Schema):
        version = ma.fields.UUID(
            required=True, metadata=described("The version of the vault to set.")
        )

    @classmethod
    def refuse(cls, target: Target, args: Arguments) -> Refusal | None:
        if not target.dep_enrollment:
            return Refusal("", "Only Automated Device Enrollment makes such an administrator.")
        return None

    @classmethod
    def supersedes_key(cls, args: Arguments) -> str | None:
        return TASK

    @classmethod
    def payload(cls, args: Arguments, material: Material) -> dict[str, Any]:
        return {
            "RequestType": cls.request_type,
            "GUID": material["auto_admin"],
            "passwordHash": material["version_hash"],
        }

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [SecretConfirmed(str(args["version"]))]

    @classmethod
    def failed(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [SecretWrong(str(args["version"])), ProtectionFailed(TASK, why_failed(answer))]
