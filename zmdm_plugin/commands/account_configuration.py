from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import marshmallow as ma

from zmdm_plugin.commands.arguments import described
from zmdm_plugin.commands.base import Arguments, Command, Material, registry, why_failed
from zmdm_plugin.commands.effects import Effect, Note, SecretConfirmed, SecretWrong
from zmdm_plugin.commands.target import Refusal, Target
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """The accounts that Setup Assistant makes; texts that say nothing are empty."""

    full_name: str = ""
    user_name: str = ""
    """Of the primary account."""
    locked: bool = False
    """The person may not change these."""
    regular_user: bool = False
    """The primary account is no administrator."""
    skipped: bool = False
    """There is no primary account."""
    admin_short_name: str = ""
    admin_full_name: str = ""
    admin_hidden: bool = False
    admin_hash: bytes = field(default=b"", repr=False)
    """Salted and hashed, as Apple wants it."""


@registry.add
class AccountConfiguration(Command):
    """Say which accounts Setup Assistant makes. https://developer.apple.com/documentation/devicemanagement/account-configuration-command

    It works only while the Mac waits. Its names are looked up at delivery; of a password it has
    nothing but the uid of its version in the vault.
    """

    request_type = "AccountConfiguration"
    manual = False
    fast_lane = True
    needs = ("accounts",)
    min_os = {Platform.MACOS: "10.11"}
    user_enrollment_on = frozenset()

    class Args(ma.Schema):
        version = ma.fields.UUID(
            metadata=described("The version of the administrator's password in the vault.")
        )

    @classmethod
    def refuse(cls, target: Target, args: Arguments) -> Refusal | None:
        if not target.awaiting:
            return Refusal("", "The Mac does not wait in Setup Assistant.")
        return None

    @classmethod
    def supersedes_key(cls, args: Arguments) -> str | None:
        return "accounts"

    @classmethod
    def payload(cls, args: Arguments, material: Material) -> dict[str, Any]:
        found: Accounts = material["accounts"]
        said = {
            "SkipPrimarySetupAccountCreation": found.skipped,
            "SetPrimarySetupAccountAsRegularUser": found.regular_user,
            "PrimaryAccountFullName": found.full_name,
            "PrimaryAccountUserName": found.user_name,
            "LockPrimaryAccountInfo": found.locked,
            "AutoSetupAdminAccounts": _administrators(found),
            "ManagedLocalUserShortName": found.admin_short_name if found.skipped else "",
        }
        return {
            "RequestType": cls.request_type,
            **{key: value for key, value in said.items() if value},
        }

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return [SecretConfirmed(str(args["version"]))] if args.get("version") else []

    @classmethod
    def failed(cls, args: Arguments, answer: Answer) -> list[Effect]:
        lost: list[Effect] = [SecretWrong(str(args["version"]))] if args.get("version") else []
        return [*lost, Note(f"The accounts could not be made: {why_failed(answer)}")]


def _administrators(found: Accounts) -> list[dict[str, Any]]:
    """One at most: Apple uses the first alone."""
    if not found.admin_short_name:
        return []
    return [
        {
            "shortName": found.admin_short_name,
            "fullName": found.admin_full_name,
            "passwordHash": found.admin_hash,
            "hidden": found.admin_hidden,
        }
    ]
