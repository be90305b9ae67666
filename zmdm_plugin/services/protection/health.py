"""How well a device is protected, in words: what is kept, what is missing, what is doubtful."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    EnrollmentSession,
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
    BYPASS_CODE,
    FILEVAULT_PRK,
    FILEVAULT_PROFILE,
    RECOVERY_CHECK,
    RECOVERY_PASSWORD,
)

_PROVED_FOR = timedelta(days=30)
_KINDS = {
    FILEVAULT_PRK: (vault.FILEVAULT_PRK,),
    RECOVERY_PASSWORD: (vault.RECOVERY_LOCK, vault.FIRMWARE_PASSWORD),
    ADMIN_PASSWORD: (vault.ADMIN_PASSWORD,),
    "device_lock_pin": (vault.LOCK_PIN, vault.ERASE_PIN),
    BYPASS_CODE: (vault.BYPASS_CODE,),
    vault.UNLOCK_TOKEN: (vault.UNLOCK_TOKEN,),
    vault.BOOTSTRAP_TOKEN: (vault.BOOTSTRAP_TOKEN,),
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
    found = [
        _standing(device, name, [row for row in live if row.kind in kinds], at_work.get(name))
        for name, kinds in _KINDS.items()
    ]
    return [_checked(one, at_work.get(RECOVERY_CHECK)) for one in found]


def _checked(found: Standing, check: ProtectionTask | None) -> Standing:
    """A password that was not to be verified is still the one that is kept."""
    if check is None or not check.error:
        return found
    if found.name != RECOVERY_PASSWORD or found.state != "kept" or found.problem:
        return found
    return replace(found, problem=f"It could not be verified: {check.error}")


def profile(device: Device) -> Standing:
    """How the FileVault profile stands: kept is on the Mac, pending is under way or has failed."""
    filevault, _, _ = situation.wanted(device.blueprint_id)
    mac = device.platform == "macOS" and not device.user_enrollment
    task = tasks.of(device.id).get(FILEVAULT_PROFILE)
    wanted = filevault.digest if filevault is not None and mac else None
    present = task.digest if task else None
    state = "kept" if present else "none"
    return Standing(
        name=FILEVAULT_PROFILE,
        state="pending" if wanted != present else state,
        confirmed_at=task.done_at if task and present else None,
        failures=task.failures if task else 0,
        error=task.error if task else None,
        next_try_at=task.next_try_at if task else None,
        under_way=task is not None and task.asked_at is not None,
    )


def why_none(device: Device, name: str) -> str:
    """Why there is nothing to reveal, for whoever asked."""
    if name == "device_lock_pin":
        return "this device was never locked or erased with a PIN"
    if name == BYPASS_CODE:
        return _no_code(device)
    if name == vault.UNLOCK_TOKEN:
        return _no_unlock_token(device)
    if device.platform not in (None, "macOS"):
        return f"only Macs have this, not {device.platform}"
    if name == vault.BOOTSTRAP_TOKEN:
        return "the Mac gives it when an administrator logs in, and nobody has since it enrolled"
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
        found += _who_turns_it_on(device)
    return [*found, *update_warnings(device)]


def update_warnings(device: Device) -> list[str]:
    """What stands in the way of updates that nobody is there to confirm."""
    mac = device.platform == "macOS" and not device.user_enrollment
    if mac and device.bootstrap_token_for_updates and not device.bootstrap_token_escrowed:
        return [
            "Software updates need this Mac's bootstrap token, which was not escrowed: an "
            "administrator has to log in to the Mac once."
        ]
    return []


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


def _no_code(device: Device) -> str:
    if not device.supervised or device.user_enrollment:
        return "only supervised devices make such a code, and this one is not"
    if device.platform == "macOS" and device.activation_lock_manageable is False:
        return "this Mac has no Activation Lock"
    task = tasks.of(device.id).get(BYPASS_CODE)
    if task is not None and task.error:
        return f"the device did not tell its code: {task.error}"
    return "it is fetched when the device next comes by"


def _no_unlock_token(device: Device) -> str:
    if device.platform not in (None, "iOS", "iPadOS", "visionOS"):
        return f"only devices with a passcode give one, not {device.platform}"
    if device.user_enrollment:
        return "a device that its user enrolled gives none"
    return "the device gave none when it enrolled; RequestUnlockToken asks a supervised one for it"


def _no_key(device: Device) -> str:
    if device.filevault_enabled is False:
        return "FileVault is off"
    if device.filevault_enabled is None:
        return "the device has not said yet whether FileVault is on"
    if vault.newest(device.id, vault.FILEVAULT_PRK_UNREAD) is not None:
        return "the recovery key was escrowed to a certificate whose key is not here"
    task = tasks.of(device.id).get(FILEVAULT_PROFILE)
    if task is None or task.digest is None:
        if situation.wanted(device.blueprint_id)[0] is not None:
            return (
                "FileVault is on, and the Mac does not have the profile yet that asks for its key"
            )
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


def _who_turns_it_on(device: Device) -> list[str]:
    """Turning FileVault on takes somebody with a secure token: who got none is not even asked."""
    if device.filevault_enabled is not False:
        return []
    found = []
    if _is_standard(device):
        found.append(
            "Whoever set this Mac up got a standard account: Setup Assistant turns FileVault on "
            "for administrators alone, so it waits for a log-in with a secure token."
        )
    if device.bootstrap_token_allowed == "allowed" and not device.bootstrap_token_escrowed:
        found.append(
            "This Mac's bootstrap token was not escrowed: accounts that are made later get no "
            "secure token by themselves, and cannot turn FileVault on. An administrator has to "
            "log in to the Mac once."
        )
    return found


def _is_standard(device: Device) -> bool:
    """Whether the enrollment that the device came by gave its person a standard account."""
    if device.session_id is None:
        return False
    query = (
        sa.select(AdeSettings.enrollment_id)
        .join(EnrollmentSession, EnrollmentSession.enrollment_id == AdeSettings.enrollment_id)
        .where(
            EnrollmentSession.id == device.session_id,
            AdeSettings.use_realm_user.is_(True),
            AdeSettings.realm_user_is_admin.is_(False),
        )
    )
    return session().scalar(query) is not None


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
