"""What the planner's rule wants to be sent, made ready: passwords are drawn here, and kept before
a device can have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import undefer

from zmdm_plugin.db import session
from zmdm_plugin.models import ChannelCommand, Device, MDMBlueprint, RecoveryPasswordConfig
from zmdm_plugin.models.base import new_uid
from zmdm_plugin.services import vault
from zmdm_plugin.services.protection import passwords, tasks
from zmdm_plugin.services.protection.values import (
    ADMIN_PASSWORD,
    BYPASS_CODE,
    FILEVAULT_PRK,
    FILEVAULT_PROFILE,
    RECOVERY_CHECK,
    RECOVERY_PASSWORD,
)

TASK_OF: Mapping[str, str] = {
    "SetUpFileVault": FILEVAULT_PROFILE,
    "RemoveFileVaultProfile": FILEVAULT_PROFILE,
    "RotateFileVaultKey": FILEVAULT_PRK,
    "SetRecoveryLock": RECOVERY_PASSWORD,
    "SetFirmwarePassword": RECOVERY_PASSWORD,
    "VerifyRecoveryLock": RECOVERY_CHECK,
    "VerifyFirmwarePassword": RECOVERY_CHECK,
    "SetAutoAdminPassword": ADMIN_PASSWORD,
    "ActivationLockBypassCode": BYPASS_CODE,
}
"""The piece of work that an order of the rule is about."""
_SETS = ("SetRecoveryLock", "SetFirmwarePassword", "SetAutoAdminPassword")


def arguments(name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The command's own arguments: what is set gets the uid of a version to come."""
    args = {key: value for key, value in wanted.items() if key != "origin"}
    if name in _SETS and "origin" in wanted:
        args["version"] = new_uid()
    return args


def ordered(
    device: Device, wanted: Mapping[str, Any], args: Mapping[str, Any], row: ChannelCommand
) -> None:
    """It was queued: the password it carries is in the vault before the device can have it."""
    if (task := TASK_OF.get(row.name)) is None:
        return
    tasks.tried(device, task)
    if row.name not in _SETS or "origin" not in wanted:
        return
    kind = str(wanted.get("kind") or vault.ADMIN_PASSWORD)
    value = passwords.administrator() if kind == vault.ADMIN_PASSWORD else _recovery(device)
    vault.keep_version(
        device,
        kind,
        value.encode(),
        state="pending",
        command=row.uid,
        uid=args["version"],
        origin=wanted["origin"],
    )


def refused(device: Device, name: str, why: str) -> None:
    """It could not be queued, or not be made for delivery."""
    if (task := TASK_OF.get(name)) is not None:
        tasks.tried(device, task)
        tasks.failed(device, task, why)


def _recovery(device: Device) -> str:
    """The password of the blueprint's configuration, or one that is drawn."""
    joined = sa.select(RecoveryPasswordConfig).join(
        MDMBlueprint, MDMBlueprint.recovery_password_config_id == RecoveryPasswordConfig.id
    )
    config = session().scalar(
        joined.where(MDMBlueprint.id == device.blueprint_id).options(
            undefer(RecoveryPasswordConfig.static_password)
        )
    )
    if config is None or config.dynamic_password:
        return passwords.recovery()
    return (vault.unseal(config, "static_password") or b"").decode()
