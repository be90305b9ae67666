from __future__ import annotations

from zmdm_plugin.commands import answers
from zmdm_plugin.commands.base import Arguments, registry
from zmdm_plugin.commands.effects import Effect, SecretConfirmed, SecretWrong, Unreadable
from zmdm_plugin.commands.recovery_password import VerifiesPassword
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import AccessRights, Platform


@registry.add
class VerifyRecoveryLock(VerifiesPassword):
    """Try it. https://developer.apple.com/documentation/devicemanagement/verify-the-recovery-lock-password"""

    request_type = "VerifyRecoveryLock"
    min_os = {Platform.MACOS: "11.5"}
    access_right = AccessRights.LOCK_AND_PASSCODE

    class Args(VerifiesPassword.Args):
        """What every password is named by."""

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        holds = answers.flag(answer.body.get("PasswordVerified"))
        if holds is None:
            return [Unreadable("PasswordVerified")]
        version = str(args["version"])
        return [SecretConfirmed(version) if holds else SecretWrong(version)]
