"""Events about secrets of devices, and the work that protects them. Never the secrets."""

from __future__ import annotations

from zmdm_plugin.services.event_kinds.base import kind, maybe_text, text

_SECRET = text("Its kind: filevault_prk, recovery_lock, bootstrap_token …")
_TASK = text("The piece of work.")

KINDS = (
    kind(
        "secret.viewed",
        "Secret shown to somebody",
        "The event's actor has seen it; the audit says more.",
        secret=text("What was shown: filevault_prk, recovery_password, admin_password …"),
    ),
    kind("secret.kept", "Secret kept", "A new version is in the vault.", secret=_SECRET),
    kind("secret.confirmed", "Secret confirmed by the device", "It is in force.", secret=_SECRET),
    kind(
        "secret.waits_for_restart",
        "Secret waits for a restart",
        "The device took it; it is in force after a restart.",
        secret=_SECRET,
    ),
    kind(
        "secret.wrong",
        "The device says that this secret is wrong",
        "What we hold does not open it.",
        secret=_SECRET,
    ),
    kind("secret.cleared", "Secret taken away from the device", "On purpose.", secret=_SECRET),
    kind(
        "secret.gone",
        "The device has this secret no more",
        "Its report says so.",
        secret=_SECRET,
    ),
    kind("filevault.key_escrowed", "FileVault recovery key kept", "It was read and sealed."),
    kind(
        "filevault.key_unreadable",
        "FileVault recovery key came encrypted to an unknown certificate",
        "It is kept as it came.",
    ),
    kind(
        "protection.in_place",
        "Protection: the profile is in place",
        "A piece of work went well.",
        task=_TASK,
    ),
    kind(
        "protection.removed",
        "Protection: the profile is taken off",
        "It is not wanted any more.",
        task=_TASK,
    ),
    kind(
        "protection.missing",
        "Protection: the profile is gone from the device",
        "Somebody took it off.",
        task=_TASK,
    ),
    kind(
        "protection.failed",
        "Protection: an attempt failed",
        "It is tried again after growing waits.",
        task=_TASK,
        why=maybe_text("The reason."),
    ),
)
