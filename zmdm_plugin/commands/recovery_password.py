"""What the commands about recovery lock and firmware password share.

The planner alone orders them, for a version of the vault: `version` is its uid, so that neither
queue nor audit ever hold a password. What is current is looked up at delivery.
"""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from zmdm_plugin.commands.arguments import described
from zmdm_plugin.commands.base import Arguments, Command, Material, why_failed
from zmdm_plugin.commands.effects import Effect, ProtectionFailed
from zmdm_plugin.protocol.connect import Answer

TASK = "recovery_password"
CHECK = "recovery_password_check"


class SetsPassword(Command):
    """Sets a password, or clears it where no version is named."""

    manual = False
    user_enrollment_on = frozenset()
    #: The kind of secret in the vault.
    kind = ""
    needs = ("current_secret", "version_value")

    class Args(ma.Schema):
        kind = ma.fields.String(required=True, metadata=described("Its kind in the vault."))
        version = ma.fields.UUID(
            allow_none=True, metadata=described("The version to set; null: none.")
        )

    @classmethod
    def supersedes_key(cls, args: Arguments) -> str | None:
        return TASK

    @classmethod
    def payload(cls, args: Arguments, material: Material) -> dict[str, Any]:
        current, new = material["current_secret"], material["version_value"]
        payload = {"RequestType": cls.request_type, "NewPassword": new or ""}
        return {**payload, "CurrentPassword": current} if current else payload

    @classmethod
    def failed(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [ProtectionFailed(TASK, why_failed(answer))]


class VerifiesPassword(Command):
    """Asks whether a version of the vault is what the device has."""

    manual = False
    user_enrollment_on = frozenset()
    needs = ("version_value",)

    class Args(ma.Schema):
        version = ma.fields.UUID(
            required=True, metadata=described("The version of the vault to try.")
        )

    @classmethod
    def supersedes_key(cls, args: Arguments) -> str | None:
        return f"verify:{args['version']}"

    @classmethod
    def payload(cls, args: Arguments, material: Material) -> dict[str, Any]:
        return {"RequestType": cls.request_type, "Password": material["version_value"] or ""}

    @classmethod
    def failed(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [ProtectionFailed(CHECK, why_failed(answer))]
