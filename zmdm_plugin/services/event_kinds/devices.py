"""Events about devices as such: coming, leaving, changing."""

from __future__ import annotations

from zmdm_plugin.services.event_kinds.base import CHANNEL, kind, maybe_text, number, text

_BEFORE, _AFTER = text("What it was."), text("What it is now.")

KINDS = (
    kind(
        "device.authenticated",
        "Device authenticated",
        "It began to enroll or to renew its identity; what follows takes effect with its first "
        "TokenUpdate.",
    ),
    kind("device.enrolled", "Device enrolled", "Its first TokenUpdate under a new enrollment."),
    kind("device.renewed", "Device renewed its identity", "It came back with a new certificate."),
    kind("device.returned", "Device returned", "It had checked out, and reports again."),
    kind(
        "device.returns_without",
        "Comes back without something",
        "It was reset, or reset itself, and could not be given all that its enrollment says for "
        "Return to Service.",
        what=text(
            "`wifi`, or `profile`: that of its enrollment, without which it does not return."
        ),
        why=text("The reason."),
    ),
    kind("device.checked_out", "Device checked out", "It has left the management by itself."),
    kind(
        "device.gone",
        "Device is gone",
        "It left without a word, e.g. since it was erased.",
        channel=CHANNEL,
        why=text("What happened to it, e.g. erased."),
    ),
    kind("device.blocked", "Device blocked", "It is released, and refused at every door."),
    kind("device.unblocked", "Device unblocked", "It may enroll again."),
    kind("device.released", "Released: nobody counts on it any more", "It is told to leave."),
    kind("device.stays", "May stay in management", "The order to leave was taken back."),
    kind("device.archived", "Device archived", "It is out of the lists; its history stays."),
    kind("device.unarchived", "Taken out of the archive", "It is in the lists again."),
    kind(
        "device.deleted",
        "Device deleted",
        "It is forgotten, with all that was known of it.",
        serial_number=maybe_text("Its serial number."),
        udid=maybe_text("Its UDID or EnrollmentID."),
        name=maybe_text("Its name."),
    ),
    kind(
        "device.unenroll_ordered",
        "Asked to leave management",
        "It is to take off its enrollment by itself.",
    ),
    kind("device.unenrolled", "Left management, as it was asked to", "It has taken it off."),
    kind(
        "device.unenroll_failed",
        "Did not leave when it was asked to",
        "Its enrollment stays.",
        why=text("The reason."),
    ),
    kind(
        "device.unlocked",
        "Talks again after its lock: the PIN was typed",
        "The PIN is in force no more.",
    ),
    kind(
        "device.queue_ended",
        "Queue ended",
        "A new enrollment ended what was waiting for the former one.",
        commands=number("How many commands were ended."),
    ),
    kind(
        "device.blueprint_changed",
        "Blueprint changed",
        "The device has another blueprint, or none.",
        blueprint=maybe_text("The name of the new one; left out: none."),
    ),
    kind(
        "device.serial_number_changed",
        "Serial number changed",
        "The same device with another serial number, as after a repair.",
        before=_BEFORE,
        after=_AFTER,
    ),
    kind(
        "device.udid_changed",
        "UDID changed",
        "The same serial number with another UDID: another logic board.",
        before=_BEFORE,
        after=_AFTER,
    ),
    kind(
        "device.os_updated",
        "Operating system updated",
        "Its status report names another version.",
        before=maybe_text("The version before; left out: it was not known."),
        after=_AFTER,
    ),
    kind(
        "device.locked",
        "Device locked",
        "It took the lock.",
        channel=CHANNEL,
        command=text("UUID of the command."),
    ),
    kind(
        "device.asked_to_sign_in",
        "Asked its person to sign in again",
        "The session of an account-driven enrollment is to be renewed.",
    ),
    kind(
        "device.reauthenticated",
        "Its person signed in again",
        "An account-driven enrollment goes on.",
    ),
    kind(
        "profile.installed",
        "Profile installed",
        "A profile that no artifact stands for was taken.",
        channel=CHANNEL,
        identifier=text("Its PayloadIdentifier."),
    ),
    kind(
        "profile.removed",
        "Profile removed",
        "A profile that no artifact stands for was taken off.",
        channel=CHANNEL,
        identifier=text("Its PayloadIdentifier."),
    ),
    kind(
        "profile.failed",
        "Profile failed",
        "A profile could not be installed or removed.",
        channel=CHANNEL,
        identifier=text("Its PayloadIdentifier."),
        why=text("The device's reason."),
    ),
    kind(
        "setup.waits",
        "Waits in Setup Assistant",
        "The channel waits until it is released.",
        channel=CHANNEL,
    ),
    kind(
        "setup.released",
        "Went on in Setup Assistant",
        "It waits no longer.",
        channel=CHANNEL,
        seconds=number("How long it had waited."),
        how=text("What released it."),
    ),
    kind(
        "setup.stalled",
        "Waits in Setup Assistant beyond the limit",
        "It was told to go on whatever is missing, and did not.",
        channel=CHANNEL,
        why=text("What it waits for."),
    ),
)
