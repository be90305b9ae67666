"""What the planner orders to take an artifact off a channel that it should no longer be on."""

from __future__ import annotations

from typing import Any

from zmdm_plugin.commands.base import (
    Arguments,
    Material,
    registry,
    why_failed,
)
from zmdm_plugin.commands.effects import ArtifactNotRemoved, ArtifactRemoved, Effect
from zmdm_plugin.commands.install_artifact import PROVISIONING, ArtifactCommand
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import AccessRights


class RemoveArtifact(ArtifactCommand):
    """Goes, as it came: by command."""

    class Args(ArtifactCommand.Args):
        """What every artifact is named by."""

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [ArtifactRemoved(args["artifact"])]

    @classmethod
    def failed(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [ArtifactNotRemoved(args["artifact"], why_failed(answer))]


@registry.add
class RemoveArtifactProfile(RemoveArtifact):
    """A configuration profile. https://developer.apple.com/documentation/devicemanagement/remove-a-profile"""

    request_type = "RemoveProfile"
    name = "RemoveArtifactProfile"
    keys = {"identifier": "Identifier"}

    class Args(RemoveArtifact.Args):
        """What every artifact that is removed is named by."""


@registry.add
class RemoveArtifactProvisioningProfile(RemoveArtifact):
    """One provisioning profile, by its UUID. https://developer.apple.com/documentation/devicemanagement/remove-a-provisioning-profile"""

    request_type = "RemoveProvisioningProfile"
    name = "RemoveArtifactProvisioningProfile"
    needs = ("provisioning_uuid",)
    min_os = PROVISIONING
    channels = {}
    access_right = AccessRights.INSTALL_PROVISIONING

    class Args(RemoveArtifact.Args):
        """What every artifact that is removed is named by."""

    @classmethod
    def payload(cls, args: Arguments, material: Material) -> dict[str, Any]:
        return {"RequestType": cls.request_type, "UUID": material["provisioning_uuid"]}
