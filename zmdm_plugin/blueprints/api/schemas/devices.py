"""Devices as JSON."""

from __future__ import annotations

import marshmallow as ma
from webargs.fields import DelimitedList

from zmdm_plugin.blueprints.api.schemas.fields import Moment, PageQuery, described, text_argument
from zmdm_plugin.protocol.platform import Platform
from zmdm_plugin.services import device_export
from zmdm_plugin.services.device_filter import SETUPS, STATES
from zmdm_plugin.services.devices import KEYSET
from zmdm_plugin.services.identity_filter import RENEWALS
from zmdm_plugin.services.keyset import MAX_ID


def _text(name: str, about: str, example: str | None = None) -> ma.fields.String:
    return ma.fields.String(
        attribute=f"device.{name}",
        allow_none=True,
        metadata=described(about, **({"example": example} if example else {})),
    )


def _flag(name: str, about: str) -> ma.fields.Boolean:
    return ma.fields.Boolean(attribute=f"device.{name}", allow_none=True, metadata=described(about))


def _moment(attribute: str, about: str) -> Moment:
    return Moment(attribute=attribute, allow_none=True, metadata=described(about))


def _number(name: str, about: str, example: float) -> ma.fields.Float:
    return ma.fields.Float(
        attribute=f"device.{name}", allow_none=True, metadata=described(about, example=example)
    )


class TagName(ma.Schema):
    """A tag that a device has."""

    id = ma.fields.Integer(required=True)
    name = ma.fields.String(required=True, metadata={"example": "Loaner pool"})


class DevicePerson(ma.Schema):
    """Who signed in when a device enrolled."""

    id = ma.fields.Integer(required=True)
    realm = ma.fields.Integer(attribute="realm_id", required=True)
    username = ma.fields.String(required=True, metadata={"example": "ada@example.com"})
    email = ma.fields.String(allow_none=True, metadata={"example": "ada@example.com"})


class DeviceSchema(ma.Schema):
    """A device; null where it has not told yet."""

    id = ma.fields.Integer(attribute="device.id", required=True, metadata={"example": 27})
    udid = _text("udid", "Unique device identifier; user enrollments tell none.")
    enrollment_id = _text("enrollment_uid", "Apple's EnrollmentID, of user enrollments.")
    serial_number = _text("serial_number", "Serial number.", "012345678910")
    name = _text("name", "Name that its user gave it.", "John’s Mac mini")
    model = _text("model", "Hardware identifier.", "Macmini8,1")
    model_name = _text("model_name", "Product name.", "Mac mini")
    model_number = _text("model_number", "Number under which it is sold.", "MRTR2D/A")
    state = ma.fields.String(
        required=True,
        validate=ma.validate.OneOf(STATES),
        metadata=described(
            "Enrolled now, enrolled and asked to leave, never yet, checked out, released, blocked, "
            "or archived."
        ),
    )
    platform = _text("platform", "macOS, iOS, iPadOS, tvOS …", "macOS")
    os_version = _text("os_version", "Version of its OS.", "14.2.1")
    os_version_extra = _text("os_version_extra", "Rapid security response, like (a).")
    build_version = _text("build_version", "Build of its OS.", "23C71")
    build_version_extra = _text("build_version_extra", "Build with the rapid security response.")
    apple_silicon = _flag("apple_silicon", "Whether a Mac has an Apple processor.")
    cert_not_valid_after = _moment(
        "cert_not_valid_after", "Until when its identity certificate holds."
    )
    enrollment = ma.fields.Integer(
        attribute="enrollment_id",
        allow_none=True,
        metadata=described("Id of the enrollment that it came by."),
    )
    blueprint = ma.fields.Integer(
        attribute="device.blueprint_id",
        allow_none=True,
        metadata=described("Id of the blueprint that it has."),
    )
    realm_user = ma.fields.Nested(
        DevicePerson,
        allow_none=True,
        metadata=described("Who signed in when it enrolled; null: nobody."),
    )
    awaiting_configuration = _flag(
        "awaiting_configuration", "Whether it waits in Setup Assistant for us."
    )
    declarative_management = _flag(
        "declarative_management", "Whether declarative management is on."
    )
    dep_enrollment = _flag("dep_enrollment", "Whether it came by Automated Device Enrollment.")
    user_enrollment = _flag("user_enrollment", "Whether it is a user enrollment.")
    user_approved_enrollment = _flag(
        "user_approved_enrollment", "Whether a Mac's user approved the enrollment."
    )
    supervised = _flag("supervised", "Whether it is supervised.")
    bootstrap_token_escrowed = _flag(
        "bootstrap_token_escrowed", "Whether we keep its bootstrap token."
    )
    filevault_enabled = _flag("filevault_enabled", "Whether FileVault is on.")
    filevault_prk_escrowed = ma.fields.Boolean(
        metadata=described("Whether we keep a FileVault recovery key.")
    )
    recovery_password_escrowed = ma.fields.Boolean(
        metadata=described("Whether we keep a recovery lock or firmware password.")
    )
    admin_password_escrowed = ma.fields.Boolean(
        metadata=described("Whether we keep the password of the automatic administrator.")
    )
    activation_lock_manageable = _flag(
        "activation_lock_manageable", "Whether its Activation Lock can be managed."
    )
    activation_lock_enabled = _flag("activation_lock_enabled", "Whether Activation Lock is on.")
    unlock_token_escrowed = _flag(
        "unlock_token_escrowed", "Whether we keep the token that clears its passcode."
    )
    passcode_present = _flag("passcode_present", "Whether it has a passcode.")
    passcode_compliant = _flag("passcode_compliant", "Whether that is as strong as it must be.")
    firewall_enabled = _flag("firewall_enabled", "Whether a Mac's firewall is on.")
    sip_enabled = _flag("sip_enabled", "Whether System Integrity Protection is on.")
    recovery_lock_enabled = _flag("recovery_lock_enabled", "Whether recoveryOS has a password.")
    lost_mode = _flag("lost_mode", "Whether it is in Lost Mode.")
    shared_ipad = _flag("shared_ipad", "Whether it is a Shared iPad.")
    imei = _text("imei", "IMEI.", "35 809605 123456 7")
    meid = _text("meid", "MEID.")
    phone_number = _text("phone_number", "Phone number of its SIM.", "+49000000000")
    host_name = _text("host_name", "Its name on the network.", "johns-mac-mini.local")
    wifi_mac = _text("wifi_mac", "Address of its Wi-Fi interface.", "00:00:5e:00:53:01")
    bluetooth_mac = _text("bluetooth_mac", "Address of its Bluetooth.", "00:00:5e:00:53:02")
    ethernet_mac = _text("ethernet_mac", "Address of its Ethernet.", "00:00:5e:00:53:03")
    capacity = _number("capacity", "Storage in GiB, as it says.", 460.4)
    capacity_available = _number("capacity_available", "What is free of it.", 201.7)
    battery_level = _number("battery_level", "0 to 1; below 0 it does not know.", 0.83)
    tags = ma.fields.List(
        ma.fields.Nested(TagName), metadata=described("Its tags, by their names' order.")
    )
    push_dead_at = _moment("push_dead_at", "Since when Apple calls its push token dead.")
    last_seen_at = _moment("last_seen_at", "When it last spoke with this server.")
    last_notified_at = _moment("last_notified_at", "When it was last sent a push.")
    enrolled_at = _moment("device.enrolled_at", "When the present enrollment took effect.")
    checkout_at = _moment("device.checkout_at", "When it left.")
    blocked_at = _moment("device.blocked_at", "Since when it is blocked.")
    locked_at = _moment("device.locked_at", "Since when a Mac waits for the PIN of its lock.")
    leaving_at = _moment("device.leaving_at", "Since when it is asked to leave management.")
    leave_failure = _text("leave_failure", "Why it did not leave when it was last asked to.")
    released_at = _moment("device.released_at", "Since when nobody counts on it any more.")
    archived_at = _moment("device.archived_at", "Since when it is in the archive.")
    created_at = _moment("device.created_at", "When it was first seen.")
    updated_at = _moment("device.updated_at", "When one of these facts last changed.")


class DeviceDeletion(ma.Schema):
    """What has to be said again before a device is deleted."""

    serial_number = ma.fields.String(
        load_default="",
        validate=ma.validate.Length(max=128),
        metadata=described(
            "Has to be given: its serial number; its UDID or EnrollmentID where it has none."
        ),
    )
    despite_secrets = ma.fields.Boolean(
        load_default=False,
        metadata=described("Also where we hold secrets that may still open it."),
    )


class DeviceAsked(ma.Schema):
    """What list and export filter by; an unknown filter is a 422."""

    serial_number = text_argument("Exactly this serial number.")
    udid = text_argument("Exactly this UDID.")
    platform = ma.fields.String(
        validate=ma.validate.OneOf([str(platform) for platform in Platform]),
        metadata=described("Only this platform."),
    )
    blocked = ma.fields.Boolean(metadata=described("Only blocked ones, or only the others."))
    enrolled = ma.fields.Boolean(
        metadata=described("Only those under management now, or only the others.")
    )
    state = ma.fields.String(
        validate=ma.validate.OneOf(STATES),
        metadata=described("Only those in this state; a device is in exactly one."),
    )
    archived = ma.fields.Boolean(
        metadata=described(
            "Only the archive, or only the others. Unasked, the archive is left out, but for a "
            "device that is asked for by its serial number or UDID."
        )
    )
    os_version = text_argument("Exactly this OS version.", 128)
    tag = text_argument("With this tag, however it is capitalized.")
    enrolled_before = Moment(metadata=described("Enrolled earlier than this."))
    enrolled_after = Moment(metadata=described("Enrolled since."))
    push_dead = ma.fields.Boolean(
        metadata=described("Only those whose push token Apple calls dead, or only the others.")
    )
    blueprint = ma.fields.Integer(
        validate=ma.validate.Range(min=1, max=MAX_ID),
        metadata=described("Only those with this blueprint, by its id."),
    )
    enrollment_kind = text_argument("Only those that came by this kind of enrollment.", 16)
    last_seen_before = Moment(metadata=described("Not seen since; those never seen are left out."))
    last_seen_after = Moment(metadata=described("Seen since."))
    user_short_name = text_argument("With a user of this short name.")
    identity_ends_before = Moment(
        metadata=described("Whose identity certificate in use ends earlier than this.")
    )
    setup = ma.fields.String(
        validate=ma.validate.OneOf(SETUPS),
        metadata=described("Waits in Setup Assistant, or has done so beyond the limit."),
    )
    renewal = ma.fields.String(
        validate=ma.validate.OneOf(RENEWALS),
        metadata=described("Where the renewal of that stands; overdue: half the time is gone."),
    )
    realm_user = ma.fields.Integer(
        validate=ma.validate.Range(min=1, max=MAX_ID),
        metadata=described("Only those of this person, by the id of the realm user."),
    )
    email = text_argument("Only those of a person with this email address.")
    person = text_argument("Only those of a person with this username or email address.")
    search = text_argument(
        "Free text in the name, serial number, UDID, IMEI, model or a user's short name. A whole "
        "serial number, UDID or IMEI finds its device and no other."
    )


class DeviceQuery(DeviceAsked, PageQuery):
    """Filters and ordering of the list."""

    ordering = ma.fields.String(
        load_default="id",
        validate=ma.validate.OneOf(KEYSET.orderings),
        metadata=described("By what to sort; a minus reverses, those without a value come last."),
    )


class DeviceExportQuery(DeviceAsked):
    """Filters of an export, its form and its columns."""

    format = ma.fields.String(
        load_default="jsonl",
        validate=ma.validate.OneOf(device_export.KINDS),
        metadata=described("JSON Lines, or CSV whose cells no spreadsheet takes for formulas."),
    )
    columns = DelimitedList(
        ma.fields.String(validate=ma.validate.OneOf(list(device_export.COLUMNS))),
        validate=ma.validate.Length(min=1),
        metadata=described("Names with commas between them, in this order; all unless told."),
    )


class ChannelSchema(ma.Schema):
    """A conversation with a device: its own, or that of one of its users."""

    id = ma.fields.Integer(required=True)
    kind = ma.fields.String(required=True, metadata=described("device or user"))
    user_id = ma.fields.String(allow_none=True)
    user_short_name = ma.fields.String(allow_none=True)
    user_long_name = ma.fields.String(allow_none=True)
    enrolled_at = Moment(allow_none=True)
    ended_at = Moment(allow_none=True)
    last_seen_at = Moment(allow_none=True)
    pushed_at = Moment(allow_none=True)
    push_due_at = Moment(allow_none=True)
    push_status = ma.fields.Integer(
        allow_none=True, metadata=described("HTTP status of Apple's answer to the last push.")
    )
    push_reason = ma.fields.String(
        allow_none=True, metadata=described("Apple's reason, where a push was refused.")
    )


class UserQuery(PageQuery):
    """Filters of the users of a device."""

    user_short_name = text_argument("Exactly this short name.")
    active = ma.fields.Boolean(
        metadata=described("Only those whose channel is in use, or only the others.")
    )
