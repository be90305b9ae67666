"""What the planner orders to put an app on a device; links and configuration come at delivery.

Acknowledged means no more than that the device has begun: whether the app is there is asked later.
"""

from __future__ import annotations

from typing import Any

from zmdm_plugin.commands import answers
from zmdm_plugin.commands.base import (
    DEVICE,
    EVERYWHERE,
    Arguments,
    Material,
    registry,
    why_failed,
)
from zmdm_plugin.commands.effects import AppTaken, ArtifactNotInstalled, Effect
from zmdm_plugin.commands.install_artifact import InstallArtifact
from zmdm_plugin.protocol import apps
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import AccessRights, Platform


class InstallApp(InstallArtifact):
    """`needs` the whole command of a version on a channel."""

    needs = ("app",)
    channels = dict.fromkeys(EVERYWHERE, DEVICE)
    access_right = AccessRights.APPS

    class Args(InstallArtifact.Args):
        """What every artifact that is installed is named by."""

    @classmethod
    def payload(cls, args: Arguments, material: Material) -> dict[str, Any]:
        return {"RequestType": cls.request_type, **material["app"]}

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        reason = answer.body.get("RejectionReason")
        if (why := apps.rejection(reason)) and reason not in apps.UNDER_WAY:
            return [ArtifactNotInstalled(args["artifact"], args["version"], why)]
        said = answers.text(answer.body.get("State"))
        identifier = answers.text(answer.body.get("Identifier"))
        return [AppTaken(args["artifact"], args["version"], said, identifier)]

    @classmethod
    def failed(cls, args: Arguments, answer: Answer) -> list[Effect]:
        reason = answer.body.get("RejectionReason")
        if reason in apps.UNDER_WAY:
            return [AppTaken(args["artifact"], args["version"], "Queued", None)]
        chain = why_failed(answer) if answer.error_chain else ""
        why = " ".join(part for part in (apps.rejection(reason) or "", chain) if part)
        return [ArtifactNotInstalled(args["artifact"], args["version"], why or why_failed(answer))]


@registry.add
class InstallArtifactStoreApp(InstallApp):
    """From the App Store. https://developer.apple.com/documentation/devicemanagement/install-an-application"""

    request_type = "InstallApplication"
    name = "InstallArtifactStoreApp"
    min_os = {
        Platform.IOS: "7.0",
        Platform.MACOS: "10.11",
        Platform.TVOS: "10.2",
        Platform.VISIONOS: "1.1",
        Platform.WATCHOS: "10.0",
    }

    class Args(InstallApp.Args):
        """What every artifact that is installed is named by."""


@registry.add
class InstallArtifactApp(InstallApp):
    """An application of one's own. https://developer.apple.com/documentation/devicemanagement/install-an-application"""

    request_type = "InstallApplication"
    name = "InstallArtifactApp"
    min_os = {Platform.IOS: "7.0", Platform.TVOS: "10.2", Platform.VISIONOS: "1.1"}

    class Args(InstallApp.Args):
        """What every artifact that is installed is named by."""


@registry.add
class InstallArtifactPackage(InstallApp):
    """A package for a Mac. https://developer.apple.com/documentation/devicemanagement/install-an-enterprise-application"""

    request_type = "InstallEnterpriseApplication"
    name = "InstallArtifactPackage"
    min_os = {Platform.MACOS: "10.13.6"}

    class Args(InstallApp.Args):
        """What every artifact that is installed is named by."""
