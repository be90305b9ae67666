from __future__ import annotations

import marshmallow as ma

from zmdm_plugin.commands import answers, arguments
from zmdm_plugin.commands.base import BOTH, FROM_THE_START, Arguments, Command, registry
from zmdm_plugin.commands.effects import Certificate, Effect, ReplaceCertificates, Unreadable
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import AccessRights, Platform


@registry.add
class CertificateList(Command):
    """Certificates on it. https://developer.apple.com/documentation/devicemanagement/certificatelistcommand"""

    request_type = "CertificateList"
    keys = {"managed_only": "ManagedOnly"}
    min_os = FROM_THE_START
    args_min_os = {"managed_only": arguments.MANAGED_ONLY_SINCE}
    channels = {Platform.MACOS: BOTH}
    access_right = AccessRights.INSPECT_PROFILES

    class Args(ma.Schema):
        managed_only = arguments.managed_only()

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        if (found := answers.items(answer.body, "CertificateList")) is None:
            return [Unreadable("CertificateList")]
        certificates = tuple(
            Certificate(
                common_name=answers.text(item.get("CommonName")) or "",
                is_identity=item.get("IsIdentity") is True,
                data=data,
            )
            for item in found
            if (data := answers.data(item.get("Data")))
        )
        return [ReplaceCertificates(certificates, managed_only=bool(args.get("managed_only")))]
