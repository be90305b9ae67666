from __future__ import annotations

from zmdm_plugin.commands import answers
from zmdm_plugin.commands.base import Arguments, registry
from zmdm_plugin.commands.effects import (
    Effect,
    FollowUp,
    ProtectionFailed,
    SecretTaken,
    Unreadable,
)
from zmdm_plugin.commands.recovery_password import TASK, SetsPassword
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import AccessRights, Platform


@registry.add
class SetFirmwarePassword(SetsPassword):
    """The password of an Intel Mac's firmware. https://developer.apple.com/documentation/devicemanagement/set-the-firmware-password-on-a-device

    It is in force after a restart, which the Mac's user is asked for and never forced to.
    """

    request_type = "SetFirmwarePassword"
    min_os = {Platform.MACOS: "10.13"}
    access_right = AccessRights.LOCK_AND_PASSCODE

    class Args(SetsPassword.Args):
        """What every password is named by."""

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        told = answers.section(answer.body, "SetFirmwarePassword")
        changed = answers.flag(told.get("PasswordChanged")) if told is not None else None
        if changed is None:
            return [Unreadable("SetFirmwarePassword"), FollowUp("SecurityInfo")]
        if not changed:
            why = "the Mac did not change its firmware password"
            return [ProtectionFailed(TASK, why), FollowUp("SecurityInfo")]
        asked = [FollowUp("RestartDevice", {"notify_user": True}), FollowUp("SecurityInfo")]
        version = args.get("version")
        return [SecretTaken(str(version)), *asked] if version is not None else [*asked]

    @classmethod
    def failed(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [*super().failed(args, answer), FollowUp("SecurityInfo")]
