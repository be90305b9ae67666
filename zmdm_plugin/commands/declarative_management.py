from __future__ import annotations

from typing import Any

from zmdm_plugin.commands.base import BOTH, Arguments, Command, Material, registry
from zmdm_plugin.commands.effects import DeclarationsEnabled, Effect
from zmdm_plugin.commands.target import Refusal, Target
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import Platform, at_least


@registry.add
class DeclarativeManagement(Command):
    """Turn declarations on, or have them synchronized; it cannot be turned off again.

    `needs` the sync tokens (JSON bytes, or None to let the device ask for them).
    https://developer.apple.com/documentation/devicemanagement/declarativemanagementcommand
    """

    request_type = "DeclarativeManagement"
    needs = ("sync_tokens",)
    min_os = {
        Platform.IOS: "15.0",
        Platform.MACOS: "13.0",
        Platform.TVOS: "16.0",
        Platform.VISIONOS: "1.1",
        Platform.WATCHOS: "10.0",
    }
    channels = {Platform.MACOS: BOTH, Platform.IPADOS: BOTH}

    @classmethod
    def refuse(cls, target: Target, args: Arguments) -> Refusal | None:
        if target.family is not Platform.IOS or target.user_enrollment:
            return None
        if at_least(target.os_version, "16.0"):
            return None
        return Refusal("", f"{target.platform} 15 knows declarations in user enrollments only.")

    @classmethod
    def supersedes_key(cls, args: Arguments) -> str | None:
        return "declarations"

    @classmethod
    def payload(cls, args: Arguments, material: Material) -> dict[str, Any]:
        payload = super().payload(args, material)
        if tokens := material.get("sync_tokens"):
            payload["Data"] = tokens
        return payload

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [DeclarationsEnabled()]
