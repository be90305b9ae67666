from __future__ import annotations

import marshmallow as ma

from zmdm_plugin.commands.arguments import described, storable
from zmdm_plugin.commands.base import Arguments, Command, registry
from zmdm_plugin.commands.effects import Effect, FollowUp
from zmdm_plugin.commands.log_out_user import not_shared
from zmdm_plugin.commands.target import Refusal, Target
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import Platform


@registry.add
class DeleteUser(Command):
    """Delete an account with its data from a Mac, or one or all from a Shared iPad.

    https://developer.apple.com/documentation/devicemanagement/delete-a-user
    """

    request_type = "DeleteUser"
    keys = {
        "user_name": "UserName",
        "force_deletion": "ForceDeletion",
        "delete_all_users": "DeleteAllUsers",
    }
    repeat = False
    min_os = {Platform.IOS: "9.3", Platform.MACOS: "10.13"}
    args_min_os = {
        "force_deletion": {Platform.IOS: "9.3"},
        "delete_all_users": {Platform.IOS: "14.0"},
    }
    supervised_on = frozenset({Platform.MACOS})
    user_enrollment_on = frozenset()

    class Args(ma.Schema):
        user_name = ma.fields.String(
            validate=[ma.validate.Length(min=1, max=255), storable],
            metadata=described("Whose account; UserList tells the names."),
        )
        force_deletion = ma.fields.Boolean(
            metadata=described("Shared iPad: also with data that is not synchronized yet.")
        )
        delete_all_users = ma.fields.Boolean(metadata=described("Shared iPad: every account."))

    @classmethod
    def unavailable(cls, target: Target) -> Refusal | None:
        return super().unavailable(target) or not_shared(target)

    @classmethod
    def refuse(cls, target: Target, args: Arguments) -> Refusal | None:
        if bool(args.get("user_name")) == bool(args.get("delete_all_users")):
            return Refusal("user_name", "Name one account, or say delete_all_users; not both.")
        return None

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [FollowUp("UserList")]
