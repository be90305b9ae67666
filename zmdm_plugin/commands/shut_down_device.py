from __future__ import annotations

from zmdm_plugin.commands.base import EVERYWHERE, Command, registry
from zmdm_plugin.protocol.platform import AccessRights, Platform


@registry.add
class ShutDownDevice(Command):
    """Off. https://developer.apple.com/documentation/devicemanagement/shut-down-a-device"""

    request_type = "ShutDownDevice"
    repeat = False
    min_os = {Platform.IOS: "10.3", Platform.MACOS: "10.13"}
    supervised_on = EVERYWHERE - {Platform.MACOS}
    user_enrollment_on = frozenset()
    access_right = AccessRights.LOCK_AND_PASSCODE
