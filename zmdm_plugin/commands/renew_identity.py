from __future__ import annotations

from typing import Any

import marshmallow as ma

from zmdm_plugin.commands.arguments import described
from zmdm_plugin.commands.base import (
    FROM_THE_START,
    Arguments,
    Command,
    Material,
    registry,
    why_failed,
)
from zmdm_plugin.commands.effects import Effect, IdentityRenewed, RenewalFailed
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import AccessRights


@registry.add
class RenewIdentity(Command):
    """Install the enrollment profile once more, with a new challenge: the identity is renewed.

    Only the planner orders it. `needs` the profile (bytes), rendered at delivery for the renewal
    session, since a challenge made earlier might have been used or have expired.
    """

    request_type = "InstallProfile"
    name = "RenewIdentity"
    manual = False
    needs = ("renewal_profile",)
    min_os = FROM_THE_START
    access_right = AccessRights.INSTALL_PROFILES

    class Args(ma.Schema):
        session = ma.fields.String(
            required=True,
            validate=ma.validate.Length(min=1, max=64),
            metadata=described("The uid of the renewal session."),
        )

    @classmethod
    def supersedes_key(cls, args: Arguments) -> str | None:
        return "identity"

    @classmethod
    def payload(cls, args: Arguments, material: Material) -> dict[str, Any]:
        return {"RequestType": cls.request_type, "Payload": material["renewal_profile"]}

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [IdentityRenewed(args["session"])]

    @classmethod
    def failed(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [RenewalFailed(args["session"], why_failed(answer))]
