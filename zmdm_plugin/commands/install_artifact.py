"""What the planner orders to put an artifact on a channel; rendered at delivery, for a version."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from zmdm_plugin.commands.arguments import described
from zmdm_plugin.commands.base import (
    BOTH,
    FROM_THE_START,
    Arguments,
    Command,
    Material,
    registry,
    why_failed,
)
from zmdm_plugin.commands.effects import ArtifactInstalled, ArtifactNotInstalled, Effect
from zmdm_plugin.commands.install_profile import profile_key
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import AccessRights, Platform

PROVISIONING = {
    Platform.IOS: "4.0",
    Platform.MACOS: "11.0",
    Platform.TVOS: "10.2",
    Platform.VISIONOS: "1.1",
    Platform.WATCHOS: "10.0",
}


class ArtifactCommand(Command):
    """An artifact that comes, or goes, by command: one order about each at a time."""

    manual = False
    min_os = FROM_THE_START
    channels = {Platform.MACOS: BOTH, Platform.IPADOS: BOTH}
    access_right = AccessRights.INSTALL_PROFILES

    class Args(ma.Schema):
        artifact = ma.fields.Integer(required=True, metadata=described("The id of the artifact."))
        version = ma.fields.Integer(
            required=True, metadata=described("The id of the version that comes or goes.")
        )
        identifier = ma.fields.String(
            required=True, metadata=described("What the device knows the artifact by.")
        )

    @classmethod
    def supersedes_key(cls, args: Arguments) -> str | None:
        return profile_key(args["identifier"])


class InstallArtifact(ArtifactCommand):
    """Comes; `needs` the bytes of the version, with the channel's variables."""

    class Args(ArtifactCommand.Args):
        """What every artifact is named by."""

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [ArtifactInstalled(args["artifact"], args["version"])]

    @classmethod
    def failed(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [ArtifactNotInstalled(args["artifact"], args["version"], why_failed(answer))]


@registry.add
class InstallArtifactProfile(InstallArtifact):
    """A configuration profile. https://developer.apple.com/documentation/devicemanagement/install-a-profile"""

    request_type = "InstallProfile"
    name = "InstallArtifactProfile"
    needs = ("artifact_profile",)

    class Args(InstallArtifact.Args):
        """What every artifact that is installed is named by."""

    @classmethod
    def payload(cls, args: Arguments, material: Material) -> dict[str, Any]:
        return {"RequestType": cls.request_type, "Payload": material["artifact_profile"]}


@registry.add
class InstallArtifactProvisioningProfile(InstallArtifact):
    """Lets apps of ours run. https://developer.apple.com/documentation/devicemanagement/install-a-provisioning-profile"""

    request_type = "InstallProvisioningProfile"
    name = "InstallArtifactProvisioningProfile"
    needs = ("artifact_source",)
    min_os = PROVISIONING
    channels = {}
    access_right = AccessRights.INSTALL_PROVISIONING

    class Args(InstallArtifact.Args):
        """What every artifact that is installed is named by."""

    @classmethod
    def payload(cls, args: Arguments, material: Material) -> dict[str, Any]:
        return {"RequestType": cls.request_type, "ProvisioningProfile": material["artifact_source"]}
