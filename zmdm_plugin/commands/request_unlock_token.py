from __future__ import annotations

from zmdm_plugin.commands import answers
from zmdm_plugin.commands.base import EVERYWHERE, Arguments, Command, registry
from zmdm_plugin.commands.effects import Effect, SecretSeen, Unreadable
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import Platform


@registry.add
class RequestUnlockToken(Command):
    """A fresh token that clears its passcode. https://developer.apple.com/documentation/devicemanagement/request-the-unlock-token"""

    request_type = "RequestUnlockToken"
    min_os = {Platform.IOS: "5.0"}
    supervised_on = EVERYWHERE
    user_enrollment_on = frozenset()

    @classmethod
    def supersedes_key(cls, args: Arguments) -> str | None:
        return "unlock_token"

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        token = answers.data(answer.body.get("UnlockToken"))
        return [SecretSeen("unlock_token", token) if token else Unreadable("UnlockToken")]
