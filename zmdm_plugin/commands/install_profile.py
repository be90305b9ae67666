from __future__ import annotations

from typing import Any

import marshmallow as ma

from zmdm_plugin.commands.arguments import MAX_PROFILE, Base64, described
from zmdm_plugin.commands.base import (
    BOTH,
    FROM_THE_START,
    Arguments,
    Command,
    Material,
    registry,
    why_failed,
)
from zmdm_plugin.commands.effects import Effect, ProfileFailed, ProfileInstalled
from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol import mobileconfig
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import AccessRights, Platform


def _installable(data: bytes) -> None:
    if len(data) > MAX_PROFILE:
        raise ma.ValidationError("A profile may have 16 MB.")
    try:
        mobileconfig.summary(data)
    except ProtocolError as error:
        raise ma.ValidationError(str(error)) from None


@registry.add
class InstallProfile(Command):
    """Install a profile. https://developer.apple.com/documentation/devicemanagement/install-a-profile

    The profile is an argument, for an operator uploads it; profiles that are rendered for a
    channel have commands of their own, which render at delivery.
    """

    request_type = "InstallProfile"
    keys = {"profile": "Payload"}
    # Profiles carry passwords and keys.
    secret = frozenset({"profile"})
    min_os = FROM_THE_START
    channels = {Platform.MACOS: BOTH, Platform.IPADOS: BOTH}
    access_right = AccessRights.INSTALL_PROFILES

    class Args(ma.Schema):
        profile = Base64(
            required=True,
            validate=_installable,
            metadata=described("A configuration profile (mobileconfig), signed or not."),
        )

    @classmethod
    def supersedes_key(cls, args: Arguments) -> str | None:
        return profile_key(mobileconfig.summary(args["profile"]).identifier)

    @classmethod
    def payload(cls, args: Arguments, material: Material) -> dict[str, Any]:
        return {"RequestType": cls.request_type, "Payload": args["profile"]}

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        installed = mobileconfig.summary(args["profile"])
        return [ProfileInstalled(installed.identifier, installed.uuid)]

    @classmethod
    def failed(cls, args: Arguments, answer: Answer) -> list[Effect]:
        identifier = mobileconfig.summary(args["profile"]).identifier
        return [ProfileFailed(identifier, why_failed(answer))]


def profile_key(identifier: str) -> str:
    """What makes two commands about one profile the same thing: the last order counts."""
    return f"profile:{identifier}"
