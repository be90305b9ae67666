from __future__ import annotations

from zmdm_plugin.commands import answers
from zmdm_plugin.commands.base import Arguments, registry
from zmdm_plugin.commands.effects import Effect, SecretConfirmed, SecretWrong, Unreadable
from zmdm_plugin.commands.recovery_password import VerifiesPassword
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import Platform


@registry.add
class VerifyFirmwarePassword(VerifiesPassword):
    """Try it. https://developer.apple.com/documentation/devicemanagement/verify-the-firmware-password"""

    request_type = "VerifyFirmwarePassword"
    min_os = {Platform.MACOS: "10.13"}

    class Args(VerifiesPassword.Args):
        """What every password is named by."""

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        told = answers.section(answer.body, "VerifyFirmwarePassword")
        holds = answers.flag(told.get("PasswordVerified")) if told is not None else None
        if holds is None:
            return [Unreadable("VerifyFirmwarePassword")]
        version = str(args["version"])
        return [SecretConfirmed(version) if holds else SecretWrong(version)]
