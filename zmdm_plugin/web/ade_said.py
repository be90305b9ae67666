"""The settings of an ADE enrollment as programs and people give them: one schema for both."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from zmdm_plugin.protocol.skip_items import SKIP_ITEMS
from zmdm_plugin.services.ade import rules

_WORDS = {
    "allow_pairing": "Devices pair with any computer; Apple has deprecated it with iOS 13.",
    "auto_advance_setup": "Setup Assistant advances by itself (tvOS, macOS 11).",
    "await_device_configured": "Setup Assistant waits until the server says DeviceConfigured.",
    "is_mandatory": "Nobody may skip the enrollment (always so since iOS 13).",
    "is_mdm_removable": "The person at the device may remove the management.",
    "is_multi_user": "Several people with Managed Apple Accounts use the device.",
    "is_supervised": "Always so since iOS 13.",
    "is_return_to_service": "For iOS and visionOS 26; it implies waiting.",
    "return_preserve_apps": "It keeps its apps, by the bootstrap token that it has escrowed.",
    "return_preserve_data_plan": "It keeps its eSIM (iOS 26.4).",
    "return_retry_enrollment": "It tries again should its enrollment fail (iOS 27).",
    "do_not_use_profile_from_backup": "A restored backup brings no old management (iOS 26).",
    "use_realm_user": "The primary account of a Mac is that of the person who signed in.",
    "realm_user_is_admin": "That account is an administrator.",
    "lock_primary_account_info": "Its names cannot be edited in Setup Assistant.",
    "skip_primary_account": "No primary account is made; needs an administrator account.",
    "hidden_admin": "The administrator account is not shown at the login window.",
}


def _about(text: str, **extra: Any) -> dict[str, Any]:
    return {"description": text, **extra}


def _text(name: str, about: str, **extra: Any) -> ma.fields.String:
    return ma.fields.String(
        validate=ma.validate.Length(max=rules.LENGTHS[name]), metadata=_about(about, **extra)
    )


def _flag(name: str, label: str) -> ma.fields.Boolean:
    return ma.fields.Boolean(metadata=_about(_WORDS[name], label=label))


def _version(system: str) -> ma.fields.String:
    about = f"{system} below it updates before it enrolls: a version, latest, or empty."
    return ma.fields.String(
        validate=ma.validate.Length(max=32),
        metadata=_about(about, example="26.1", label=f"{system}, at least"),
    )


class AdeSaid(ma.Schema):
    """Everything that is told to Apple, to devices at the gate, and to Macs about accounts."""

    profile_name = _text("profile_name", "Of the profile at Apple; the enrollment's unless told.")
    department = _text("department", "Shown in Setup Assistant.")
    org_magic = _text("org_magic", "Names the services of one organization; random unless told.")
    support_email_address = _text("support_email_address", "Whom to ask.", format="email")
    support_phone_number = _text("support_phone_number", "Whom to call.")
    language = ma.fields.String(metadata=_about("ISO 639: en, haw (tvOS, macOS 11)."))
    region = ma.fields.String(metadata=_about("ISO 3166-1: US (tvOS, macOS 11)."))
    allow_pairing = _flag("allow_pairing", "May pair with computers")
    auto_advance_setup = _flag("auto_advance_setup", "Advance by itself")
    await_device_configured = _flag("await_device_configured", "Wait for its configuration")
    is_mandatory = _flag("is_mandatory", "Mandatory")
    is_mdm_removable = _flag("is_mdm_removable", "Management can be removed")
    is_multi_user = _flag("is_multi_user", "Shared iPad")
    is_supervised = _flag("is_supervised", "Supervised")
    is_return_to_service = _flag("is_return_to_service", "Return to Service")
    return_wifi_artifact = ma.fields.Integer(
        attribute="return_wifi_artifact_id",
        strict=True,
        allow_none=True,
        validate=ma.validate.Range(min=1, max=2**63 - 1),
        metadata=_about(
            "Return to Service: the network to use, by the id of the artifact that is its "
            "profile. Needed without Ethernet or mobile data."
        ),
    )
    return_preserve_apps = _flag("return_preserve_apps", "Returns with its apps")
    return_preserve_data_plan = _flag("return_preserve_data_plan", "Returns with its eSIM")
    return_retry_enrollment = _flag("return_retry_enrollment", "Tries again to return")
    do_not_use_profile_from_backup = _flag(
        "do_not_use_profile_from_backup", "Ignore the profile of a backup"
    )
    skip_setup_items = ma.fields.List(
        ma.fields.String(validate=ma.validate.OneOf(tuple(SKIP_ITEMS))),
        metadata=_about("Screens of Setup Assistant that are skipped."),
    )
    include_tls_certificates = ma.fields.Boolean(
        attribute="include_anchor_certs",
        metadata=_about(
            "Devices trust the certificates of ZMDM_ADE_ANCHORS for this server.",
            label="Include certificates for TLS",
        ),
    )
    supervising_host_certs = ma.fields.List(
        ma.fields.String(validate=ma.validate.Length(min=1, max=100_000)),
        validate=ma.validate.Length(max=rules.MOST_HOST_CERTS),
        metadata=_about(
            "Certificates of computers that may pair where pairing is off: PEM or base64."
        ),
    )
    ios_min_version = _version("iOS or iPadOS")
    macos_min_version = _version("macOS")
    visionos_min_version = _version("visionOS")
    use_realm_user = _flag("use_realm_user", "Use the realm user")
    username_pattern = ma.fields.String(
        validate=ma.validate.OneOf(("", *rules.USERNAME_PATTERNS)),
        metadata=_about("How the account of the realm user is named."),
    )
    realm_user_is_admin = _flag("realm_user_is_admin", "The realm user is an administrator")
    lock_primary_account_info = _flag("lock_primary_account_info", "Lock the account's names")
    skip_primary_account = _flag("skip_primary_account", "Make no primary account")
    admin_full_name = _text("admin_full_name", "Of an administrator account on each Mac.")
    admin_short_name = _text("admin_short_name", "With it, and only with it.")
    hidden_admin = _flag("hidden_admin", "Hide the administrator")
    admin_password_complexity = ma.fields.Integer(
        validate=ma.validate.OneOf(rules.COMPLEXITIES),
        metadata=_about("How long its random password is: 2, 3 or 4 groups of six."),
    )
    admin_password_rotation_delay = ma.fields.Integer(
        validate=ma.validate.Range(min=0, max=rules.MOST_DELAY),
        metadata=_about("Minutes from its reveal to a new one; 0: it stays."),
    )
