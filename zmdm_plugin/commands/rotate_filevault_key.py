from __future__ import annotations

from typing import Any

from zmdm_plugin.commands import answers
from zmdm_plugin.commands.base import Arguments, Command, Material, registry, why_failed
from zmdm_plugin.commands.effects import Effect, FollowUp, ProtectionFailed, RecoveryKeyRotated
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import AccessRights, Platform

TASK = "filevault_prk"


@registry.add
class RotateFileVaultKey(Command):
    """Have a Mac make another recovery key. https://developer.apple.com/documentation/devicemanagement/rotate-filevault-key

    The planner alone orders it, and at delivery it takes the key that is known by then. The Mac
    makes the new one and sends it encrypted to the escrow certificate. If that answer is lost, the
    former key opens no more: SecurityInfo then tells the new one.
    """

    request_type = "RotateFileVaultKey"
    manual = False
    needs = ("filevault_unlock",)
    min_os = {Platform.MACOS: "10.9"}
    user_enrollment_on = frozenset()
    access_right = AccessRights.LOCK_AND_PASSCODE

    @classmethod
    def supersedes_key(cls, args: Arguments) -> str | None:
        return TASK

    @classmethod
    def payload(cls, args: Arguments, material: Material) -> dict[str, Any]:
        key, certificate = material["filevault_unlock"]
        return {
            "RequestType": cls.request_type,
            "KeyType": "personal",
            "FileVaultUnlock": {"Password": key},
            "ReplyEncryptionCertificate": certificate,
        }

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        told = answers.section(answer.body, "RotateResult") or {}
        envelope = answers.data(told.get("EncryptedNewRecoveryKey"))
        asked = [] if envelope else [FollowUp("SecurityInfo")]
        return [RecoveryKeyRotated(envelope), *asked]

    @classmethod
    def failed(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [ProtectionFailed(TASK, why_failed(answer)), FollowUp("SecurityInfo")]
