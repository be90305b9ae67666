from __future__ import annotations

from typing import Any

import marshmallow as ma

from zmdm_plugin.commands import answers, arguments
from zmdm_plugin.commands.base import BOTH, FROM_THE_START, Arguments, Command, registry
from zmdm_plugin.commands.effects import (
    Effect,
    InstalledProfile,
    ProfilePayload,
    ReplaceProfiles,
    Unreadable,
)
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import AccessRights, Platform

_FACTS: answers.Columns = {
    "PayloadDisplayName": ("display_name", answers.text),
    "PayloadOrganization": ("organization", answers.text),
    "PayloadDescription": ("description", lambda value: answers.text(value, 4096)),
    "PayloadRemovalDisallowed": ("removal_disallowed", answers.flag),
    "HasRemovalPasscode": ("has_removal_passcode", answers.flag),
    "IsEncrypted": ("encrypted", answers.flag),
    "IsManaged": ("managed", answers.flag),
    "Source": ("source", answers.text),
}
_PAYLOAD_FACTS: answers.Columns = {
    "PayloadIdentifier": ("identifier", answers.text),
    "PayloadUUID": ("uuid", answers.text),
    "PayloadDisplayName": ("display_name", answers.text),
}


@registry.add
class ProfileList(Command):
    """Profiles on it. https://developer.apple.com/documentation/devicemanagement/profilelistcommand"""

    request_type = "ProfileList"
    keys = {"managed_only": "ManagedOnly"}
    min_os = FROM_THE_START
    args_min_os = {"managed_only": arguments.MANAGED_ONLY_SINCE}
    channels = {Platform.MACOS: BOTH, Platform.IPADOS: BOTH}
    access_right = AccessRights.INSPECT_PROFILES

    class Args(ma.Schema):
        managed_only = arguments.managed_only()

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        if (found := answers.items(answer.body, "ProfileList")) is None:
            return [Unreadable("ProfileList")]
        profiles = (_profile(item) for item in found)
        return [
            ReplaceProfiles(
                tuple(profile for profile in profiles if profile),
                managed_only=bool(args.get("managed_only")),
            )
        ]


def _profile(item: answers.Section) -> InstalledProfile | None:
    """One element; without an identifier it cannot be told from others."""
    if (identifier := answers.text(item.get("PayloadIdentifier"))) is None:
        return None
    signers: Any = item.get("SignerCertificates")
    return InstalledProfile(
        identifier=identifier,
        uuid=answers.text(item.get("PayloadUUID")) or "",
        signers=tuple(signer for signer in signers if isinstance(signer, bytes))
        if isinstance(signers, list)
        else (),
        payloads=tuple(_payloads(item)),
        **answers.columns(item, _FACTS),
    )


def _payloads(item: answers.Section) -> list[ProfilePayload]:
    return [
        ProfilePayload(payload_type=kind, **answers.columns(payload, _PAYLOAD_FACTS))
        for payload in answers.items(item, "PayloadContent") or ()
        if (kind := answers.text(payload.get("PayloadType")))
    ]
