from __future__ import annotations

import marshmallow as ma

from zmdm_plugin.commands.arguments import described, storable
from zmdm_plugin.commands.base import FROM_THE_START, Arguments, Command, registry, why_failed
from zmdm_plugin.commands.effects import Effect, LeaveRefused, Unenrolled
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import AccessRights


@registry.add
class Unenroll(Command):
    """Remove the enrollment profile, and with it all that device management has brought.

    Only `services/unenroll.py` orders it, which keeps on the device that it is leaving. Apple's
    name for it is RemoveProfile. https://developer.apple.com/documentation/devicemanagement/remove-a-profile
    """

    request_type = "RemoveProfile"
    name = "Unenroll"
    manual = False
    keys = {"identifier": "Identifier"}
    fast_lane = True
    min_os = FROM_THE_START
    access_right = AccessRights.INSTALL_PROFILES

    class Args(ma.Schema):
        identifier = ma.fields.String(
            required=True,
            validate=[ma.validate.Length(min=1, max=255), storable],
            metadata=described("The PayloadIdentifier of the profile that it enrolled with."),
        )

    @classmethod
    def supersedes_key(cls, args: Arguments) -> str | None:
        return "unenroll"

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [Unenrolled()]

    @classmethod
    def failed(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [LeaveRefused(why_failed(answer))]
