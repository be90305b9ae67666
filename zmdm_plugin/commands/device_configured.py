from __future__ import annotations

from zmdm_plugin.commands.base import Arguments, Command, registry, why_failed
from zmdm_plugin.commands.effects import Effect, Note, SetupReleased
from zmdm_plugin.commands.target import Refusal, Target
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import Platform


@registry.add
class DeviceConfigured(Command):
    """Let a device go on that waits in Setup Assistant. https://developer.apple.com/documentation/devicemanagement/release-device-from-await-configuration

    The planner sends it once accounts and what is marked for Setup Assistant are there, and after
    the limit in any case. It overtakes whatever else waits.
    """

    request_type = "DeviceConfigured"
    fast_lane = True
    min_os = {
        Platform.IOS: "9.0",
        Platform.MACOS: "10.11",
        Platform.TVOS: "10.2",
        Platform.VISIONOS: "2.0",
    }
    user_enrollment_on = frozenset()

    @classmethod
    def unavailable(cls, target: Target) -> Refusal | None:
        if not target.awaiting:
            return Refusal("", "The device does not wait in Setup Assistant.")
        return super().unavailable(target)

    @classmethod
    def supersedes_key(cls, args: Arguments) -> str | None:
        return "setup"

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [SetupReleased()]

    @classmethod
    def failed(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [Note(f"It did not leave Setup Assistant: {why_failed(answer)}")]
