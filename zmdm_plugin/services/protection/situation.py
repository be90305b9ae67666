"""Gather what the planner's rule on protection looks at: three statements, and only for Macs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.commands import registry
from zmdm_plugin.db import session
from zmdm_plugin.models import (
    Channel,
    ChannelCommand,
    Device,
    DeviceSecret,
    FileVaultConfig,
    MDMBlueprint,
    ProtectionTask,
    RecoveryPasswordConfig,
)
from zmdm_plugin.models.commands import OUTSTANDING
from zmdm_plugin.services import vault
from zmdm_plugin.services.protection import tasks
from zmdm_plugin.services.protection.values import (
    ADMIN_PASSWORD,
    BYPASS_CODE,
    NEVER,
    FileVaultWanted,
    Kept,
    Lockable,
    Pending,
    Protection,
    RecoveryWanted,
    Rotation,
    Task,
)
from zmdm_plugin.services.targets import target

KINDS = (
    *(vault.FILEVAULT_PRK, vault.RECOVERY_LOCK),
    *(vault.FIRMWARE_PASSWORD, vault.ADMIN_PASSWORD),
)
_LIVE = ("pending", "confirmed")
_FETCHES_CODE = registry["ActivationLockBypassCode"]


def of(channel: Channel) -> Protection | None:
    """A Mac's protection; None for what has none of this."""
    device = channel.device
    if channel.kind != "device" or device.platform != "macOS" or device.user_enrollment:
        return None
    filevault, recovery, admin = wanted(device.blueprint_id)
    at_work = {kind: tasks.as_value(row) for kind, row in tasks.of(device.id).items()}
    kept = _kept(device)
    administrator = admin.interval or ADMIN_PASSWORD in at_work or ADMIN_PASSWORD in kept
    return Protection(
        filevault=filevault,
        recovery=recovery if device.apple_silicon is not None else None,
        admin=admin,
        tasks=at_work,
        kept=kept,
        recovery_kind=recovery_kind(device),
        approved=device.user_approved_enrollment is not False,
        filevault_on=bool(device.filevault_enabled),
        restart_pending=bool(device.firmware_password_pending),
        looked_at=device.security_info_at,
        has_auto_admin=bool(administrator) and auto_admin(device) is not None,
    )


def lockable(channel: Channel) -> Lockable | None:
    """A device that makes a bypass code; None for what has none, or does not say so yet."""
    device, since = channel.device, channel.enrolled_at
    if since is None or not device.supervised or device.platform is None:
        return None
    if _FETCHES_CODE.refusal(target(channel), {}) is not None:
        return None
    if device.platform == "macOS" and not device.activation_lock_manageable:
        return None
    row = session().get(ProtectionTask, (device.id, BYPASS_CODE))
    return Lockable(enrolled_at=since, task=tasks.as_value(row) if row else Task())


def recovery_kind(device: Device) -> str:
    """What protects the recovery system of this hardware; Apple silicon where nothing is known."""
    return vault.FIRMWARE_PASSWORD if device.apple_silicon is False else vault.RECOVERY_LOCK


def auto_admin(device: Device) -> dict[str, Any] | None:
    """The administrator that Setup Assistant made, as the device names it: GUID, shortName."""
    found = (device.device_information or {}).get("AutoSetupAdminAccounts")
    accounts = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    return next((one for one in accounts if isinstance(one.get("GUID"), str)), None)


def wanted(
    blueprint_id: int | None,
) -> tuple[FileVaultWanted | None, RecoveryWanted | None, Rotation]:
    """What a blueprint says, in one statement."""
    if blueprint_id is None:
        return None, None, NEVER
    row = (
        session()
        .execute(
            sa.select(
                FileVaultConfig,
                RecoveryPasswordConfig,
                MDMBlueprint.admin_password_rotation_interval_days,
            )
            .select_from(MDMBlueprint)
            .outerjoin(FileVaultConfig, FileVaultConfig.id == MDMBlueprint.filevault_config_id)
            .outerjoin(
                RecoveryPasswordConfig,
                RecoveryPasswordConfig.id == MDMBlueprint.recovery_password_config_id,
            )
            .where(MDMBlueprint.id == blueprint_id)
        )
        .one_or_none()
    )
    if row is None:
        return None, None, NEVER
    filevault, recovery, days = row
    return (
        _filevault(filevault) if filevault is not None else None,
        _recovery(recovery) if recovery is not None else None,
        _every(days),
    )


def filevault_digest(config: FileVaultConfig) -> str:
    """Changes with whatever devices see of a configuration."""
    seen = (
        *(config.escrow_location_display_name, config.at_login_only, config.bypass_attempts),
        *(config.show_recovery_key, config.destroy_key_on_standby),
    )
    return f"{config.uid}:{_short(seen)}"


def _filevault(config: FileVaultConfig) -> FileVaultWanted:
    rotation = _every(config.prk_rotation_interval_days)
    return FileVaultWanted(digest=filevault_digest(config), rotation=rotation)


def _recovery(config: RecoveryPasswordConfig) -> RecoveryWanted:
    generation = "dynamic" if config.dynamic_password else str(config.generation)
    return RecoveryWanted(
        digest=f"{config.uid}:{generation}",
        dynamic=config.dynamic_password,
        rotation=_every(config.rotation_interval_days) if config.dynamic_password else NEVER,
        rotates_firmware=config.rotate_firmware_password,
    )


def _every(days: int) -> Rotation:
    return Rotation(interval=timedelta(days=days)) if days else NEVER


def _kept(device: Device) -> dict[str, Kept]:
    """The live versions with what became of their commands; one that was never given out is no
    longer pending."""
    command = ChannelCommand
    rows = session().execute(
        sa.select(
            *(DeviceSecret, command.state, command.delivered_at, command.answered_at, command.id)
        )
        .outerjoin(command, command.uid == DeviceSecret.command_uuid)
        .where(
            DeviceSecret.device_id == device.id,
            DeviceSecret.kind.in_(KINDS),
            DeviceSecret.state.in_(_LIVE),
        )
        .order_by(DeviceSecret.id)
    )
    found: dict[str, Kept] = {}
    for version, state, delivered_at, answered_at, command_id in rows:
        ordered = state in OUTSTANDING
        if version.state == "pending" and command_id and not ordered and delivered_at is None:
            vault.refuse(version)
            continue
        moments = (version.taken_at or version.created_at, delivered_at, answered_at)
        since = max(at for at in moments if at is not None)
        found[version.kind] = _with(found.get(version.kind) or Kept(), version, ordered, since)
    return found


def _with(kept: Kept, version: DeviceSecret, ordered: bool, since: datetime) -> Kept:
    if version.state == "confirmed":
        return replace(
            kept,
            confirmed=version.uid,
            confirmed_at=version.confirmed_at or version.created_at,
            rotate_at=version.rotate_at,
            proved_at=version.doubted_at or version.verified_at,
        )
    pending = Pending(
        uid=version.uid,
        ordered=ordered,
        taken=version.taken_at is not None,
        since=since,
    )
    return replace(kept, pending=(*kept.pending, pending))


def _short(values: Iterable[object]) -> str:
    return hashlib.sha256("\x00".join(map(repr, values)).encode()).hexdigest()[:32]
