"""How well a device is protected, in words: what is kept, what is missing, what is doubtful."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import (
    AdeSettings,
    Artifact,
    ArtifactVersion,
    Channel,
    Device,
    DeviceSecret,
    Enrollment,
    FileVaultConfig,
    InstalledProfile,
    MDMBlueprint,
    ProtectionTask,
)
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol.filevault import ESCROW, IDENTIFIER
from zmdm_plugin.services import vault
from zmdm_plugin.services.protection import situation, tasks
from zmdm_plugin.services.protection.values import (
    ADMIN_PASSWORD,
    FILEVAULT_PRK,
    FILEVAULT_PROFILE,
    RECOVERY_PASSWORD,
)

_PROVED_FOR = timedelta(days=30)
_KINDS = {
    FILEVAULT_PRK: (vault.FILEVAULT_PRK,),
    RECOVERY_PASSWORD: (vault.RECOVERY_LOCK, vault.FIRMWARE_PASSWORD),
    ADMIN_PASSWORD: (vault.ADMIN_PASSWORD,),
    "device_lock_pin": (vault.LOCK_PIN, vault.ERASE_PIN),
    "activation_lock_bypass_code": (vault.BYPASS_CODE,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one secret of a device stands; `problem` is empty where all is well."""

    name: str
    state: str
    """none | kept | pending | missing | not validated | wrong"""
    problem: str = ""
    confirmed_at: datetime | None = None
    verified_at: datetime | None = None
    rotate_at: datetime | None = None
    failures: int = 0
    error: str | None = None
    next_try_at: datetime | None = None
    under_way: bool = False


def of(device: Device) -> list[Standing]:
    """Of each secret that people may see, in a fixed number of statements."""
    rows = sa.select(DeviceSecret).where(
        DeviceSecret.device_id == device.id, DeviceSecret.state.in_(("pending", "confirmed"))
    )
    live = list(session().scalars(rows.order_by(DeviceSecret.id.desc())))
    at_work = tasks.of(device.id)
    return [
        _standing(device, name, [row for row in live if row.kind in kinds], at_work.get(name))
        for name, kinds in _KINDS.items()
    ]


def why_none(device: Device, name: str) -> str:
    """Why there is nothing to reveal, for whoever asked."""
    if name == "device_lock_pin":
        return "this device was never locked or erased with a PIN"
    if name == "activation_lock_bypass_code":
        return "no bypass code was fetched from this device; ActivationLockBypassCode does that"
    if device.platform not in (None, "macOS"):
        return f"only Macs have this, not {device.platform}"
    if name == FILEVAULT_PRK:
        return _no_key(device)
    if name == RECOVERY_PASSWORD:
        _, recovery, _ = situation.wanted(device.blueprint_id)
        if recovery is None:
            return "no password was set here, and the blueprint does not ask for one"
        return "the device has not taken a password yet"
    if situation.auto_admin(device) is None:
        return "the device names no administrator that Setup Assistant made"
    return "the administrator's password was not set here"


def warnings(device: Device) -> list[str]:
    """What stands in the way of protecting this device, each with what to do about it."""
    found = []
    filevault, _, _ = situation.wanted(device.blueprint_id)
    mac = device.platform == "macOS" and not device.user_enrollment
    if mac and filevault is not None:
        if device.user_approved_enrollment is False:
            found.append(
                "FileVault waits: somebody has to approve the device management in the Mac's "
                "settings first."
            )
        found += _other_escrow(device)
    if mac and device.bootstrap_token_for_updates and not device.bootstrap_token_escrowed:
        found.append(
            "Software updates need this Mac's bootstrap token, which was not escrowed: an "
            "administrator has to log in to the Mac once."
        )
    return found


def _standing(
    device: Device, name: str, live: list[DeviceSecret], task: ProtectionTask | None
) -> Standing:
    confirmed = next((row for row in live if row.state == "confirmed"), None)
    pending = next((row for row in live if row.state == "pending"), None)
    state, problem = _judged(device, name, confirmed, pending)
    return Standing(
        name=name,
        state=state,
        problem=problem,
        confirmed_at=confirmed.confirmed_at if confirmed else None,
        verified_at=confirmed.verified_at if confirmed else None,
        rotate_at=confirmed.rotate_at if confirmed else None,
        failures=task.failures if task else 0,
        error=task.error if task else None,
        next_try_at=task.next_try_at if task else None,
        under_way=task is not None and task.asked_at is not None,
    )


def _judged(
    device: Device, name: str, confirmed: DeviceSecret | None, pending: DeviceSecret | None
) -> tuple[str, str]:
    """State and problem."""
    if confirmed is not None and confirmed.doubted_at is not None:
        return "wrong", "The device says that what is kept here is wrong."
    if pending is not None and name != "device_lock_pin":
        waits = pending.taken_at is not None
        why = "It is in force after a restart." if waits else "The device has not confirmed it."
        return "pending", why
    if confirmed is None:
        return _nothing(device, name, pending)
    if name == FILEVAULT_PRK and _is_stale(device, confirmed):
        return "not validated", "The Mac has not confirmed this key for a month."
    return "kept", ""


def _nothing(device: Device, name: str, pending: DeviceSecret | None) -> tuple[str, str]:
    if pending is not None:
        return "pending", ""
    if name == FILEVAULT_PRK and device.filevault_enabled and device.platform == "macOS":
        return "missing", f"{_no_key(device)[:1].upper()}{_no_key(device)[1:]}."
    if name == RECOVERY_PASSWORD and device.recovery_lock_enabled:
        return "missing", "The Mac has a recovery password that is not known here."
    return "none", ""


def _is_stale(device: Device, confirmed: DeviceSecret) -> bool:
    """Long not proved, or the Mac says that it has no such key."""
    proved = confirmed.verified_at or confirmed.confirmed_at
    if device.filevault_has_prk is False:
        return True
    return proved is None or proved < utcnow() - _PROVED_FOR


def _no_key(device: Device) -> str:
    if device.filevault_enabled is False:
        return "FileVault is off"
    if device.filevault_enabled is None:
        return "the device has not said yet whether FileVault is on"
    if vault.newest(device.id, vault.FILEVAULT_PRK_UNREAD) is not None:
        return "the recovery key was escrowed to a certificate whose key is not here"
    task = tasks.of(device.id).get(FILEVAULT_PROFILE)
    if task is None or task.digest is None:
        return "FileVault is on, and nothing tells the Mac to escrow its recovery key"
    return (
        "FileVault was on before the Mac was told to escrow its recovery key: it sends one when a "
        "new one is made, by “fdesetup changerecovery -personal” or by turning FileVault on anew"
    )


def _other_escrow(device: Device) -> list[str]:
    """A Mac takes one escrow payload: a second one fails, or ours does."""
    rows = session().execute(
        sa.select(InstalledProfile.display_name, InstalledProfile.identifier)
        .join(Channel, Channel.id == InstalledProfile.channel_id)
        .where(
            Channel.device_id == device.id,
            InstalledProfile.identifier != IDENTIFIER,
            sa.cast(InstalledProfile.payloads, sa.Text).contains(ESCROW),
        )
        .limit(3)
    )
    return [
        f"The profile “{name or identifier}” escrows the recovery key already; a Mac takes one "
        "such profile only. Remove it, or the FileVault configuration of the blueprint."
        for name, identifier in rows
    ]


def standard_users(config: FileVaultConfig) -> list[str]:
    """Enrollments whose people get a standard account, where Setup Assistant is to turn FileVault
    on: that needs an administrator with a secure token, so its pane does not appear."""
    if not config.enforce_in_setup_assistant:
        return []
    rows = (
        sa.select(Enrollment.name)
        .join(AdeSettings, AdeSettings.enrollment_id == Enrollment.id)
        .join(MDMBlueprint, MDMBlueprint.id == Enrollment.blueprint_id)
        .where(
            MDMBlueprint.filevault_config_id == config.id,
            AdeSettings.use_realm_user.is_(True),
            AdeSettings.realm_user_is_admin.is_(False),
        )
        .order_by(Enrollment.name)
    )
    return list(session().scalars(rows.limit(20)))


def escrowing_artifacts() -> list[str]:
    """Names of the profiles of operators that would be a second one on a Mac."""
    rows = (
        sa.select(Artifact.name)
        .join(ArtifactVersion, ArtifactVersion.artifact_id == Artifact.id)
        .where(
            Artifact.type == "profile",
            sa.cast(ArtifactVersion.content, sa.Text).contains(ESCROW),
        )
    )
    return sorted(set(session().scalars(rows.limit(20))))
