"""ADE enrollments as JSON: what devices in Setup Assistant are told, and how Apple has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import marshmallow as ma

from zmdm_plugin.blueprints.api.schemas.fields import (
    Moment,
    NamedPageQuery,
    described,
    text_argument,
)
from zmdm_plugin.models import Enrollment
from zmdm_plugin.protocol.skip_items import SKIP_ITEMS, SkipItem
from zmdm_plugin.services.ade import profile, rules, settings
from zmdm_plugin.services.ade.defining import Standing
from zmdm_plugin.services.keyset import MAX_ID

_ID = ma.validate.Range(min=1, max=MAX_ID)
_MOST = 10_000
_WORDS = {
    "allow_pairing": "Devices pair with any computer; Apple has deprecated it with iOS 13.",
    "auto_advance_setup": "Setup Assistant advances by itself (tvOS, macOS 11).",
    "await_device_configured": "Setup Assistant waits until the server says DeviceConfigured.",
    "is_mandatory": "Nobody may skip the enrollment (always so since iOS 13).",
    "is_mdm_removable": "The person at the device may remove the management.",
    "is_multi_user": "Shared iPad.",
    "is_supervised": "The device is supervised (always so since iOS 13).",
    "is_return_to_service": "Return to Service (iOS and visionOS 26); it implies waiting.",
    "do_not_use_profile_from_backup": "A restored backup brings no old management (iOS 26).",
    "use_realm_user": "The primary account of a Mac is that of the person who signed in.",
    "realm_user_is_admin": "That account is an administrator.",
    "lock_primary_account_info": "Its names cannot be edited in Setup Assistant.",
    "skip_primary_account": "No primary account is made; needs an administrator account.",
    "hidden_admin": "The administrator account is not shown at the login window.",
}


def _text(name: str, about: str, **extra: Any) -> ma.fields.String:
    return ma.fields.String(
        validate=ma.validate.Length(max=rules.LENGTHS[name]), metadata=described(about, **extra)
    )


def _flag(name: str) -> ma.fields.Boolean:
    return ma.fields.Boolean(metadata=described(_WORDS[name]))


def _version(system: str) -> ma.fields.String:
    about = f"{system} below it updates before it enrolls: a version, latest, or empty."
    return ma.fields.String(
        validate=ma.validate.Length(max=32), metadata=described(about, example="26.1")
    )


def _names(about: str) -> ma.fields.List[str]:
    return ma.fields.List(
        ma.fields.String(validate=ma.validate.Length(min=1, max=128)),
        allow_none=True,
        validate=ma.validate.Length(max=_MOST),
        metadata=described(about),
    )


def _other(attribute: str, about: str, **options: Any) -> ma.fields.Integer:
    return ma.fields.Integer(
        attribute=attribute, strict=True, validate=_ID, metadata=described(about), **options
    )


class AdeSaid(ma.Schema):
    """Everything that an ADE enrollment says; limits and contradictions are a 422."""

    display_name = ma.fields.String(
        validate=ma.validate.Length(max=128),
        metadata=described("What people read on their device; the organization unless told."),
    )
    blueprint = _other("blueprint_id", "What devices get that enroll.", allow_none=True)
    realm = _other("realm_id", "Where the person at the device may sign in.", allow_none=True)
    realm_required = ma.fields.Boolean(
        metadata=described("They must: the plain URL of the profile refuses devices then.")
    )
    quota = ma.fields.Integer(
        allow_none=True,
        validate=ma.validate.Range(min=1, max=10_000_000),
        metadata=described("How many devices; null: any number."),
    )
    expires_at = Moment(allow_none=True)
    serial_numbers = _names("Only these serial numbers; null: any.")
    udids = _names("Only these UDIDs; null: any.")

    profile_name = _text("profile_name", "Of the profile at Apple; the enrollment's unless told.")
    department = _text("department", "Shown in Setup Assistant.")
    org_magic = _text("org_magic", "Names the services of one organization; random unless told.")
    support_email_address = _text("support_email_address", "Whom to ask.", format="email")
    support_phone_number = _text("support_phone_number", "Whom to call.")
    language = ma.fields.String(metadata=described("ISO 639: en, haw (tvOS, macOS 11)."))
    region = ma.fields.String(metadata=described("ISO 3166-1: US (tvOS, macOS 11)."))
    allow_pairing = _flag("allow_pairing")
    auto_advance_setup = _flag("auto_advance_setup")
    await_device_configured = _flag("await_device_configured")
    is_mandatory = _flag("is_mandatory")
    is_mdm_removable = _flag("is_mdm_removable")
    is_multi_user = _flag("is_multi_user")
    is_supervised = _flag("is_supervised")
    is_return_to_service = _flag("is_return_to_service")
    do_not_use_profile_from_backup = _flag("do_not_use_profile_from_backup")
    skip_setup_items = ma.fields.List(
        ma.fields.String(validate=ma.validate.OneOf(tuple(SKIP_ITEMS))),
        metadata=described("Screens of Setup Assistant that are skipped."),
    )
    include_tls_certificates = ma.fields.Boolean(
        attribute="include_anchor_certs",
        metadata=described("Devices trust the certificates of ZMDM_ADE_ANCHORS for this server."),
    )
    supervising_host_certs = ma.fields.List(
        ma.fields.String(validate=ma.validate.Length(min=1, max=100_000)),
        validate=ma.validate.Length(max=rules.MOST_HOST_CERTS),
        metadata=described("Computers that may pair although allow_pairing is off: PEM or base64."),
    )
    ios_min_version = _version("iOS or iPadOS")
    macos_min_version = _version("macOS")
    visionos_min_version = _version("visionOS")
    use_realm_user = _flag("use_realm_user")
    username_pattern = ma.fields.String(
        validate=ma.validate.OneOf(("", *rules.USERNAME_PATTERNS)),
        metadata=described("How that account is named; only with use_realm_user."),
    )
    realm_user_is_admin = _flag("realm_user_is_admin")
    lock_primary_account_info = _flag("lock_primary_account_info")
    skip_primary_account = _flag("skip_primary_account")
    admin_full_name = _text("admin_full_name", "Of an administrator account on each Mac.")
    admin_short_name = _text("admin_short_name", "With it, and only with it.")
    hidden_admin = _flag("hidden_admin")
    admin_password_complexity = ma.fields.Integer(
        validate=ma.validate.OneOf(rules.COMPLEXITIES),
        metadata=described("How long its random password is: 2, 3 or 4 groups of six."),
    )
    admin_password_rotation_delay = ma.fields.Integer(
        validate=ma.validate.Range(min=0, max=rules.MOST_DELAY),
        metadata=described("Minutes from its reveal to a new one; 0: it stays."),
    )


def _name(**options: Any) -> ma.fields.String:
    return ma.fields.String(validate=ma.validate.Length(min=1, max=125), **options)


class NewDepEnrollment(AdeSaid):
    """What a new ADE enrollment is made from; what is not named is as its description says."""

    name = _name(required=True)
    virtual_server = _other("server_id", "Whose devices it is for.", required=True)
    push_certificate = ma.fields.Integer(required=True, validate=_ID)
    scep_issuer = ma.fields.Integer(required=True, validate=_ID)


class DepEnrollmentChange(AdeSaid):
    """What is not named stays; the virtual server always does."""

    name = _name()


class ProfileAtAppleSchema(ma.Schema):
    """The newest profile of the enrollment at Apple, or on its way there."""

    uuid = ma.fields.String(allow_none=True, attribute="profile_uuid", required=True)
    state = ma.fields.String(
        required=True,
        validate=ma.validate.OneOf(("wanted", "defined", "superseded", "failed")),
        metadata=described("wanted: Apple is going to be asked."),
    )
    error = ma.fields.String(
        allow_none=True, required=True, metadata=described("Why Apple has not taken it.")
    )
    defined_at = Moment(allow_none=True, required=True)


class DepEnrollmentSchema(AdeSaid):
    """An ADE enrollment; the secret in its address is not part of it."""

    id = ma.fields.Integer(required=True)
    name = _name(required=True)
    virtual_server = ma.fields.Integer(required=True, attribute="server_id")
    push_certificate = ma.fields.Integer(required=True, attribute="push_certificate_id")
    scep_issuer = ma.fields.Integer(required=True, attribute="scep_issuer_id")
    request_count = ma.fields.Integer(required=True, metadata=described("How many used it."))
    revoked_at = Moment(allow_none=True, required=True)
    profile = ma.fields.Nested(ProfileAtAppleSchema, allow_none=True, required=True)
    assigned_devices = ma.fields.Integer(
        required=True, metadata=described("Devices that have one of its profiles at Apple.")
    )
    desired_devices = ma.fields.Integer(
        required=True, metadata=described("Devices that are meant to have it.")
    )
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


def shown(row: Enrollment, standing: Standing) -> dict[str, Any]:
    """What the schema shows of a row."""
    said = settings.of(row)
    own = {name: getattr(row, name) for name in row.__mapper__.columns.keys() if name != "secret"}
    return {
        **{name: own[name] for name in own if not name.startswith(("secret", "challenge"))},
        **{name: getattr(said, name) for name in settings.FIELDS},
        "server_id": said.server_id,
        "profile": standing.profile,
        "assigned_devices": standing.assigned,
        "desired_devices": standing.desired,
    }


class DepEnrollmentQuery(NamedPageQuery):
    """Filters of the list of ADE enrollments."""

    name = text_argument("Exactly this name.", 128)


class ComparedLineSchema(ma.Schema):
    """One key of the profile."""

    name = ma.fields.String(required=True)
    ours = ma.fields.String(required=True, metadata=described("What the settings say, in words."))
    apples = ma.fields.String(required=True, metadata=described("What Apple has, in words."))
    same = ma.fields.Boolean(required=True)


class ComparedSchema(ma.Schema):
    """The profile that Apple has, beside ours; what differs first."""

    profile_uuid = ma.fields.String(required=True)
    same = ma.fields.Boolean(required=True)
    lines = ma.fields.List(ma.fields.Nested(ComparedLineSchema), required=True)


def compared(profile_uuid: str, lines: Sequence[profile.Line]) -> dict[str, Any]:
    """What the schema shows of a comparison."""
    same = all(line.same for line in lines)
    return {"profile_uuid": profile_uuid, "same": same, "lines": lines}


class SkipItemSchema(ma.Schema):
    """A screen of Setup Assistant."""

    key = ma.fields.String(required=True)
    label = ma.fields.String(required=True)
    availability = ma.fields.String(
        required=True, attribute="words", metadata=described("Where it exists.")
    )


def skip_items() -> list[SkipItem]:
    """All of them, in alphabetical order."""
    return list(SKIP_ITEMS.values())
