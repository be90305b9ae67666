"""Events about Apple's services: device assignment, profiles of Setup Assistant, Apps & Books."""

from __future__ import annotations

from zmdm_plugin.services.event_kinds.base import (
    NAME,
    Field,
    Kind,
    kind,
    maybe_number,
    maybe_text,
    number,
    text,
)

_SERVER = text("Name of the service.")
_LOCATION = text("Name of the location.")
_ERROR = text("Apple's words, or ours.")
_CHANGES = Field("object", "What is different, by name: before and after.", required=False)


def _of_device(name: str, title: str, about: str, **more: Field) -> Kind:
    fields = {
        "serial_number": text("Of the device."),
        "server": number("Id of the service."),
        "server_name": maybe_text("Its name."),
    }
    return Kind(name=name, title=title, about=about, fields={**fields, **more})


KINDS = (
    kind(
        "dep.connect",
        "Apple Business Manager connected",
        "A server token was taken for the first time.",
        server=_SERVER,
        organization=maybe_text("Name of the organization."),
    ),
    kind(
        "dep.renew",
        "Server token renewed",
        "A newer one was taken.",
        server=_SERVER,
        organization=maybe_text("Name of the organization."),
    ),
    kind(
        "dep.failed",
        "Apple Business Manager could not be asked",
        "A synchronization or an assignment failed.",
        server=_SERVER,
        error=_ERROR,
    ),
    kind(
        "dep.terms_not_signed",
        "Terms of Apple are not signed",
        "Apple answers nothing before somebody agrees to them in its portal.",
        server=_SERVER,
    ),
    kind(
        "dep.disconnected",
        "Apple Business Manager disconnected",
        "Its token was given up; what is known of it stays.",
        server=_SERVER,
    ),
    kind("dep.terms_signed", "Terms of Apple are signed", "Apple answers again.", server=_SERVER),
    _of_device("dep_device.added", "Device added at Apple", "It is assigned to this service."),
    _of_device(
        "dep_device.changed",
        "Device changed at Apple",
        "Apple says other things of it.",
        changes=_CHANGES,
    ),
    _of_device(
        "dep_device.returned",
        "Device is back at Apple",
        "It was gone from the service.",
        changes=_CHANGES,
    ),
    _of_device(
        "dep_device.deleted",
        "Device is gone at Apple",
        "It is no longer assigned to this service; it stays enrolled.",
        changes=_CHANGES,
        fetch=Field("boolean", "It was missing from a full list.", required=False),
    ),
    _of_device("dep_device.disowned", "Device disowned", "Given up for ever, as ordered."),
    _of_device(
        "dep_device.assigned",
        "Device has its profile at Apple",
        "Apple took the assignment.",
        enrollment=maybe_number("Id of the enrollment."),
        profile_uuid=maybe_text("UUID of the profile."),
    ),
    kind(
        "ade_profile.defined",
        "Profile of an enrollment defined at Apple",
        "New devices get it.",
        enrollment=number("Id of the enrollment."),
        name=NAME,
        uuid=text("UUID at Apple."),
    ),
    _of_device(
        "dep_device.unassigned",
        "Device has no profile at Apple any more",
        "Apple took the assignment away, as ordered.",
    ),
    kind(
        "ade_profile.unanswered",
        "Answer to a profile at Apple was lost",
        "It may have been defined; it is defined anew.",
        enrollment=number("Id of the enrollment."),
        name=NAME,
    ),
    kind(
        "ade_profile.refused",
        "Profile of an enrollment refused by Apple",
        "The former one stays in use.",
        enrollment=number("Id of the enrollment."),
        error=_ERROR,
    ),
    kind("location.created", "Location created", "A content token was taken.", location=_LOCATION),
    kind(
        "location.registered",
        "Location registered",
        "Apple tells this server of changes.",
        location=_LOCATION,
    ),
    kind(
        "location.deleted",
        "Location deleted",
        "All that was known of its apps and licences is forgotten here.",
        location=_LOCATION,
    ),
    kind(
        "location.taken_over",
        "Another server has taken a location",
        "Nothing is written there any more.",
        location=_LOCATION,
        owner=maybe_text("Who has it now."),
    ),
    kind(
        "location.failed",
        "Apple could not be asked about a location",
        "It is tried again.",
        location=_LOCATION,
        error=_ERROR,
    ),
    kind(
        "location.synced",
        "Location synchronized",
        "Its licences are as Apple has them.",
        location=_LOCATION,
        mode=text("How much was fetched."),
        counts=Field("object", "How many of what."),
    ),
    kind(
        "licence.assigned",
        "Licence assigned",
        "Apple booked a licence of a store app for the device.",
        serial_number=text("Of the device."),
        location_asset=number("Id of the licences."),
    ),
    kind(
        "licence.revoked",
        "Licence taken back",
        "Apple took the device's licence off the books.",
        serial_number=text("Of the device."),
        location_asset=number("Id of the licences."),
    ),
    kind(
        "licence.refused",
        "Licence refused",
        "Apple did not book a licence.",
        serial_number=text("Of the device."),
        location_asset=number("Id of the licences."),
        why=maybe_text("Apple's reason."),
    ),
    kind(
        "licences.short",
        "Licences of a store app are short",
        "More devices want one than there are.",
        location=_LOCATION,
        location_asset=number("Id of the licences."),
        total=maybe_number("How many there are."),
    ),
)
