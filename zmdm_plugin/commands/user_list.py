from __future__ import annotations

from typing import Any

from zmdm_plugin.commands import answers
from zmdm_plugin.commands.base import Arguments, Command, registry
from zmdm_plugin.commands.effects import Effect, LocalUsers, Unreadable
from zmdm_plugin.commands.log_out_user import not_shared
from zmdm_plugin.commands.target import Refusal, Target
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import Platform

_COLUMNS: answers.Columns = {
    "UserName": ("user_name", answers.text),
    "FullName": ("full_name", answers.text),
    "UserGUID": ("guid", answers.text),
    "UID": ("uid", answers.integer),
    "IsLoggedIn": ("logged_in", answers.flag),
    "MobileAccount": ("mobile_account", answers.flag),
    "HasSecureToken": ("secure_token", answers.flag),
    "HasDataToSync": ("data_to_sync", answers.flag),
    "DataQuota": ("data_quota", answers.integer),
    "DataUsed": ("data_used", answers.integer),
}


@registry.add
class UserList(Command):
    """Accounts of a Mac, or of a Shared iPad.

    https://developer.apple.com/documentation/devicemanagement/get-the-list-of-users
    """

    request_type = "UserList"
    min_os = {Platform.IOS: "9.3", Platform.MACOS: "10.13"}
    supervised_on = frozenset({Platform.MACOS})
    user_enrollment_on = frozenset()

    @classmethod
    def unavailable(cls, target: Target) -> Refusal | None:
        return super().unavailable(target) or not_shared(target)

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        if (found := answers.items(answer.body, "Users")) is None:
            return [Unreadable("Users")]
        users: list[dict[str, Any]] = [answers.columns(item, _COLUMNS) for item in found]
        return [LocalUsers(tuple(user for user in users if user.get("user_name")))]
