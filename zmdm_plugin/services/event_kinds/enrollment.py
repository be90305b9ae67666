"""Events about enrollments and the identities of devices."""

from __future__ import annotations

from zmdm_plugin.services.event_kinds.base import (
    NAME,
    Field,
    kind,
    maybe_number,
    maybe_text,
    number,
    text,
)

_ID = number("Id of the enrollment.")
_PRINT = text("SHA-256 of the certificate.")
_CLAIMED = text("UDID or EnrollmentID that the request claims.")

KINDS = (
    kind("enrollment.created", "Enrollment created", "A way to enroll.", name=NAME, enrollment=_ID),
    kind("enrollment.changed", "Enrollment changed", "Its values.", name=NAME, enrollment=_ID),
    kind("enrollment.deleted", "Enrollment deleted", "It is gone.", name=NAME, enrollment=_ID),
    kind(
        "enrollment.revoked",
        "Enrollment revoked",
        "It takes in no more devices.",
        name=NAME,
        enrollment=_ID,
        default_of=Field(
            "list of strings", "Virtual servers that have no default now.", required=False
        ),
    ),
    kind(
        "enrollment.refused",
        "Enrollment refused",
        "A device, or a person, was not let in.",
        enrollment=maybe_number("Id of the enrollment."),
        name=maybe_text("Its name."),
        serial_number=maybe_text("Of the device, if it said so."),
        why=text("The reason."),
    ),
    kind(
        "enrollment.update_not_required",
        "Let in without an update",
        "The gate would have asked for a newer OS, but none is offered to this device.",
        why=text("Why it was let in."),
    ),
    kind(
        "enrollment.signed_in",
        "Somebody signed in to enroll a device",
        "The person is known, the device is not yet.",
        enrollment=_ID,
        name=NAME,
        by=text("The username."),
    ),
    kind("identity.renewal_ordered", "Renewal of the identity ordered", "Somebody asked for it."),
    kind(
        "identity.renewal_failed",
        "Identity could not be renewed",
        "The device did not take the new profile; the old identity stays in use.",
        channel=maybe_text("A user channel of the device."),
        why=text("The reason."),
    ),
    kind(
        "identity.renewal_overdue",
        "Identity should have been renewed by now",
        "Its end comes near.",
        ends=text("When the certificate ends (RFC 3339)."),
        why=text("What is known of the reason."),
    ),
    kind(
        "identity.adopted",
        "Certificate adopted",
        "An unknown certificate of our issuers was bound to the device.",
        fingerprint=_PRINT,
    ),
    kind(
        "identity.reenroll_allowed",
        "Re-enrollment allowed",
        "The device may enroll again through an enrollment that is used up.",
        fingerprint=_PRINT,
    ),
    kind(
        "identity.retired",
        "A replaced certificate was used",
        "A request came under a certificate that the device has replaced. Told once an hour.",
        fingerprint=_PRINT,
        claimed=_CLAIMED,
    ),
    kind(
        "identity.mismatch",
        "A certificate of another device was used",
        "The request claims to be another device than the certificate is of. Told once an hour.",
        fingerprint=_PRINT,
        claimed=_CLAIMED,
    ),
)
