from __future__ import annotations

from zmdm_plugin.commands.base import Arguments, Command, registry
from zmdm_plugin.commands.effects import Effect, SetFacts
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import Platform


@registry.add
class EnableRemoteDesktop(Command):
    """Let administrators share and control this Mac’s screen.

    https://developer.apple.com/documentation/devicemanagement/enable-remote-desktop
    """

    request_type = "EnableRemoteDesktop"
    min_os = {Platform.MACOS: "10.14.4"}
    supervised_on = frozenset({Platform.MACOS})
    user_enrollment_on = frozenset()

    @classmethod
    def supersedes_key(cls, args: Arguments) -> str | None:
        return "remote desktop"

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [SetFacts("RemoteDesktop", {"remote_desktop_enabled": True})]
