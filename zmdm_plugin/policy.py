"""A ready policy for hosts that have none: roles, and the permissions each of them has.

    def authorize(actor, permission, subject):
        user = find_user(actor.id)
        return user is not None and policy.allows(user.role, permission)

A pattern ends in `*`. What reveals secrets is named one by one and never by a pattern, for such
permissions begin with `mdm.view_` too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

ANY_COMMAND = "mdm.add_devicecommand"


@dataclass(frozen=True, slots=True)
class Role:
    """Some permissions under a name that a host may store with its users."""

    name: str
    title: str
    about: str
    permissions: tuple[str, ...]

    def allows(self, permission: str) -> bool:
        """Whether the role has this permission, by itself or by one that implies it."""
        return any(covers(self.permissions, name) for name in implying(permission))


def implying(permission: str) -> Iterator[str]:
    """The permission, and what implies it: mdm.add_devicecommand has mdm.add_devicecommand.X."""
    yield permission
    while (permission := permission.rpartition(".")[0]).count("."):
        yield permission


def covers(patterns: Iterable[str], permission: str) -> bool:
    """Whether one of these names or patterns (`mdm.view_*`) names this permission."""
    return any(fnmatchcase(permission, pattern) for pattern in patterns)


_SEE = (
    "mdm.view_enrolleddevice",
    "mdm.view_devicecommand",
    "mdm.view_tag",
    "mdm.view_blueprint",
    "mdm.view_artifact",
    "mdm.view_realmuser",
)
_SEE_SET_UP = (
    "mdm.view_event",
    "mdm.view_enrollment",
    "mdm.view_depvirtualserver",
    "mdm.view_depdevice",
    "mdm.view_pushcertificate",
    "mdm.view_scepissuer",
    "mdm.view_realm",
    "mdm.view_softwareupdate",
    "mdm.view_softwareupdateenforcement",
    "mdm.view_filevaultconfig",
    "mdm.view_recoverypasswordconfig",
    "mdm.view_location",
    "mdm.view_asset",
    "mdm.view_locationasset",
    "mdm.view_jobrun",
    "mdm.view_system",
    "mdm.view_metrics",
    "mdm.view_webhook",
    "mdm.view_alert",
)
_REVEAL = (
    "mdm.view_device_location",
    "mdm.view_device_lock_pin",
    "mdm.view_filevault_prk",
    "mdm.view_recovery_password",
    "mdm.view_admin_password",
    "mdm.view_activation_lock_bypass_code",
)
_ASK = tuple(
    f"{ANY_COMMAND}.{name}"
    for name in (
        "CertificateList",
        "DeviceInformation",
        "InstalledApplicationList",
        "ProfileList",
        "SecurityInfo",
        "UserList",
    )
)

ADMINISTRATOR = Role(
    "administrator",
    "Administrator",
    "May do everything.",
    ("mdm.*",),
)
OPERATOR = Role(
    "operator",
    "Operator",
    "Runs the fleet: every registered command, enrollments, recovery keys, tokens of their own.",
    (
        *_SEE,
        *_SEE_SET_UP,
        *_REVEAL,
        ANY_COMMAND,
        "mdm.change_devicecommand",
        "mdm.view_devicecommand_result",
        "mdm.change_enrolleddevice",
        "mdm.add_enrollment",
        "mdm.change_enrollment",
        "mdm.add_realmuser",
        "mdm.change_realmuser",
        "mdm.delete_realmuser",
        "mdm.change_jobrun",
        "mdm.change_alert",
        "mdm.change_depvirtualserver",
        "mdm.change_depdevice",
        "mdm.add_tag",
        "mdm.change_tag",
        "mdm.delete_tag",
        "mdm.change_devicesecret",
        "mdm.add_filevaultconfig",
        "mdm.change_filevaultconfig",
        "mdm.delete_filevaultconfig",
        "mdm.add_recoverypasswordconfig",
        "mdm.change_recoverypasswordconfig",
        "mdm.delete_recoverypasswordconfig",
        "mdm.add_blueprint",
        "mdm.change_blueprint",
        "mdm.delete_blueprint",
        "mdm.add_artifact",
        "mdm.change_artifact",
        "mdm.delete_artifact",
        "mdm.view_artifact_source",
        "mdm.add_softwareupdate",
        "mdm.change_softwareupdate",
        "mdm.delete_softwareupdate",
        "mdm.add_softwareupdateenforcement",
        "mdm.change_softwareupdateenforcement",
        "mdm.delete_softwareupdateenforcement",
        "mdm.change_location",
        "mdm.change_locationasset",
        "mdm.add_apitoken",
    ),
)
HELP_DESK = Role(
    "help_desk",
    "Help desk",
    "Helps the people at the devices: asks, locks, restarts, ends waits in Setup Assistant, reads "
    "out PINs and recovery keys; neither erases nor blocks.",
    (
        *_SEE,
        *_REVEAL,
        *_ASK,
        f"{ANY_COMMAND}.DeviceLock",
        f"{ANY_COMMAND}.RestartDevice",
        f"{ANY_COMMAND}.EnableLostMode",
        f"{ANY_COMMAND}.DisableLostMode",
        f"{ANY_COMMAND}.DeviceLocation",
        f"{ANY_COMMAND}.PlayLostModeSound",
        f"{ANY_COMMAND}.UnlockUserAccount",
        f"{ANY_COMMAND}.DeviceConfigured",
    ),
)
AUDITOR = Role(
    "auditor",
    "Auditor",
    "Sees everything that is no secret, and who did what; changes nothing.",
    (*_SEE, *_SEE_SET_UP, "mdm.view_apitoken", "mdm.view_auditentry"),
)

ROLES = {role.name: role for role in (ADMINISTRATOR, OPERATOR, HELP_DESK, AUDITOR)}


def allows(role: str | None, permission: str) -> bool:
    """Whether the role of this name has the permission; an unknown role has none."""
    found = ROLES.get(role or "")
    return found is not None and found.allows(permission)
