from __future__ import annotations

from zmdm_plugin.commands.base import Arguments, registry
from zmdm_plugin.commands.effects import Effect, SecretCleared, SecretConfirmed
from zmdm_plugin.commands.recovery_password import SetsPassword
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import AccessRights, Platform


@registry.add
class SetRecoveryLock(SetsPassword):
    """The password of recoveryOS. https://developer.apple.com/documentation/devicemanagement/set-the-recovery-lock-on-a-device"""

    request_type = "SetRecoveryLock"
    min_os = {Platform.MACOS: "11.5"}
    access_right = AccessRights.LOCK_AND_PASSCODE

    class Args(SetsPassword.Args):
        """What every password is named by."""

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        if args.get("version") is None:
            return [SecretCleared(args["kind"])]
        return [SecretConfirmed(str(args["version"]))]
