from __future__ import annotations

import marshmallow as ma

from zmdm_plugin.commands.arguments import described, storable
from zmdm_plugin.commands.base import Command, registry
from zmdm_plugin.protocol.platform import AccessRights, Platform


@registry.add
class UnlockUserAccount(Command):
    """Let somebody in again who has typed a wrong password too often.

    https://developer.apple.com/documentation/devicemanagement/unlock-a-user-account
    """

    request_type = "UnlockUserAccount"
    keys = {"user_name": "UserName"}
    min_os = {Platform.MACOS: "10.13"}
    user_enrollment_on = frozenset()
    access_right = AccessRights.LOCK_AND_PASSCODE

    class Args(ma.Schema):
        user_name = ma.fields.String(
            required=True,
            validate=[ma.validate.Length(min=1, max=255), storable],
            metadata=described("The account’s short name; UserList tells it."),
        )
