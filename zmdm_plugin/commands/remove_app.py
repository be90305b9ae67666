"""What the planner orders to take a managed app off a device."""

from __future__ import annotations

from typing import Any

from zmdm_plugin.commands.base import (
    DEVICE,
    EVERYWHERE,
    Arguments,
    Material,
    registry,
)
from zmdm_plugin.commands.remove_artifact import RemoveArtifact
from zmdm_plugin.protocol.platform import AccessRights, Platform

REMOVABLE_SINCE = {
    Platform.IOS: "5.0",
    Platform.MACOS: "11.0",
    Platform.TVOS: "10.2",
    Platform.VISIONOS: "1.1",
    Platform.WATCHOS: "10.0",
}


@registry.add
class RemoveArtifactApp(RemoveArtifact):
    """A managed app, with its data. https://developer.apple.com/documentation/devicemanagement/remove-an-application"""

    request_type = "RemoveApplication"
    name = "RemoveArtifactApp"
    needs = ("app_identifier",)
    min_os = REMOVABLE_SINCE
    channels = dict.fromkeys(EVERYWHERE, DEVICE)
    user_enrollment_on = EVERYWHERE - {Platform.MACOS}
    access_right = AccessRights.APPS

    class Args(RemoveArtifact.Args):
        """What every artifact that is removed is named by."""

    @classmethod
    def payload(cls, args: Arguments, material: Material) -> dict[str, Any]:
        return {"RequestType": cls.request_type, "Identifier": material["app_identifier"]}
