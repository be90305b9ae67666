"""The code that opens a device which its user locked to an Apple Account: fetched, and cleared."""

from __future__ import annotations

from zmdm_plugin.commands import answers
from zmdm_plugin.commands.base import EVERYWHERE, Arguments, Command, registry, why_failed
from zmdm_plugin.commands.effects import (
    Effect,
    ProtectionFailed,
    SecretCleared,
    SecretSeen,
    Unreadable,
)
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import Platform

KIND = "activation_lock_bypass_code"
_SINCE = {Platform.IOS: "7.1", Platform.MACOS: "10.15", Platform.VISIONOS: "2.0"}


@registry.add
class ActivationLockBypassCode(Command):
    """Fetch it into the vault. https://developer.apple.com/documentation/devicemanagement/get-the-activation-lock-bypass-code

    A device has it for fifteen days after it became supervised, then never again: the planner
    fetches it once the device has enrolled.
    """

    request_type = "ActivationLockBypassCode"
    min_os = _SINCE
    supervised_on = EVERYWHERE
    user_enrollment_on = frozenset()

    @classmethod
    def supersedes_key(cls, args: Arguments) -> str | None:
        return KIND

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        code = answers.text(answer.body.get("ActivationLockBypassCode"))
        if code is None:
            why = "the device answered without a code"
            return [Unreadable("ActivationLockBypassCode"), ProtectionFailed(KIND, why)]
        return [SecretSeen(KIND, code.encode())]

    @classmethod
    def failed(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [ProtectionFailed(KIND, why_failed(answer))]


@registry.add
class ClearActivationLockBypassCode(Command):
    """Have the device forget it. https://developer.apple.com/documentation/devicemanagement/clear-the-activation-lock-bypass-code

    The code in the vault stays readable as a former one.
    """

    request_type = "ClearActivationLockBypassCode"
    min_os = _SINCE
    supervised_on = EVERYWHERE
    user_enrollment_on = frozenset()

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [SecretCleared(KIND)]
