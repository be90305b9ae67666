from __future__ import annotations

import marshmallow as ma

from zmdm_plugin.commands.arguments import described, storable
from zmdm_plugin.commands.base import BOTH, FROM_THE_START, Arguments, Command, registry, why_failed
from zmdm_plugin.commands.effects import Effect, ProfileFailed, ProfileRemoved
from zmdm_plugin.commands.install_profile import profile_key
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import AccessRights, Platform


@registry.add
class RemoveProfile(Command):
    """Remove a profile. https://developer.apple.com/documentation/devicemanagement/remove-a-profile"""

    request_type = "RemoveProfile"
    keys = {"identifier": "Identifier"}
    min_os = FROM_THE_START
    channels = {Platform.MACOS: BOTH, Platform.IPADOS: BOTH}
    access_right = AccessRights.INSTALL_PROFILES

    class Args(ma.Schema):
        identifier = ma.fields.String(
            required=True,
            validate=[ma.validate.Length(min=1, max=255), storable],
            metadata=described("The PayloadIdentifier of the profile."),
        )

    @classmethod
    def supersedes_key(cls, args: Arguments) -> str | None:
        return profile_key(args["identifier"])

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [ProfileRemoved(args["identifier"])]

    @classmethod
    def failed(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [ProfileFailed(args["identifier"], why_failed(answer))]
