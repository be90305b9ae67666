from __future__ import annotations

from zmdm_plugin.commands.base import Command, registry
from zmdm_plugin.commands.target import Refusal, Target
from zmdm_plugin.protocol.platform import Platform


@registry.add
class LogOutUser(Command):
    """Log the present user of a Shared iPad out.

    https://developer.apple.com/documentation/devicemanagement/log-out-user
    """

    request_type = "LogOutUser"
    min_os = {Platform.IOS: "9.3"}
    user_enrollment_on = frozenset()

    @classmethod
    def unavailable(cls, target: Target) -> Refusal | None:
        return super().unavailable(target) or not_shared(target)


def not_shared(target: Target) -> Refusal | None:
    """Of iPhones and iPads, only a Shared iPad has users."""
    if target.platform and target.family is Platform.IOS and not target.shared_ipad:
        return Refusal("", "Only a Shared iPad has users that can be managed.")
    return None
