from __future__ import annotations

from zmdm_plugin.commands.base import Arguments, Command, registry, why_failed
from zmdm_plugin.commands.effects import Effect, Note, SetupReleased
from zmdm_plugin.commands.target import Refusal, Target
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import Platform
from zmdm_plugin.protocol.who import ChannelKind


@registry.add
class UserConfigured(Command):
    """Let a person go on who signs in to a Shared iPad. https://developer.apple.com/documentation/devicemanagement/user-configured-command"""

    request_type = "UserConfigured"
    fast_lane = True
    min_os = {Platform.IOS: "17.0"}
    channels = {Platform.IPADOS: frozenset({ChannelKind.USER}), Platform.IOS: frozenset()}
    user_enrollment_on = frozenset()

    @classmethod
    def unavailable(cls, target: Target) -> Refusal | None:
        if not target.awaiting:
            return Refusal("", "This user does not wait to be configured.")
        return super().unavailable(target)

    @classmethod
    def supersedes_key(cls, args: Arguments) -> str | None:
        return "setup"

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [SetupReleased()]

    @classmethod
    def failed(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [Note(f"The sign-in could not be finished: {why_failed(answer)}")]
