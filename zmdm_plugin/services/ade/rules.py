"""What an ADE enrollment may say: limits and contradictions, found before Apple is asked.

Pure: values in, values or Refused(field, why) out. The limits are Apple's.
https://developer.apple.com/documentation/devicemanagement/profile
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from zmdm_plugin.errors import ProtocolError, Refused
from zmdm_plugin.protocol import pem, x509
from zmdm_plugin.protocol.skip_items import SKIP_ITEMS

LATEST: Final = "latest"
USERNAME_PATTERNS: Final = ("$REALM_USER.DEVICE_USERNAME", "$REALM_USER.EMAIL_PREFIX")
MOST_HOST_CERTS: Final = 50
LENGTHS: Final = {
    "profile_name": 125,
    "department": 125,
    "org_magic": 256,
    "support_email_address": 250,
    "support_phone_number": 50,
    "admin_full_name": 80,
    "admin_short_name": 32,
}
VERSIONS: Final = ("ios_min_version", "macos_min_version", "visionos_min_version")
COMPLEXITIES: Final = (1, 2, 3)
MOST_DELAY: Final = 1440
_VERSION: Final = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){0,2}\Z")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}\Z")
_REGION: Final = re.compile(r"[A-Z]{2}\Z")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\Z")
_SHORT_NAME: Final = re.compile(r"[a-z_][a-z0-9_.-]*\Z")
_RESERVED: Final = frozenset({"root", "daemon", "nobody", "guest"})
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the settings have to agree with."""

    realm: bool = False
    realm_required: bool = False
    anchors: bool = False
    """Whether ZMDM_ADE_ANCHORS has certificates to hand out."""


def checked(values: Values, around: Surroundings) -> dict[str, Any]:
    """The values as they are kept; Refused names the first field that will not do, and why."""
    found: dict[str, Any] = {
        name: value.strip() if isinstance(value, str) else value for name, value in values.items()
    }
    for name, longest in LENGTHS.items():
        _check_text(name, found[name], longest)
    _check_forms(found)
    found["skip_setup_items"] = _skip_items(found["skip_setup_items"])
    found["supervising_host_certs"] = _certificates(found["supervising_host_certs"])
    for rule in _CONTRADICTIONS:
        for field, why in rule(found, around):
            raise Refused(field, why)
    return found


def _check_text(name: str, value: str, longest: int) -> None:
    if len(value) > longest:
        raise Refused(name, f"Apple takes at most {longest} characters")
    if not value.isprintable():
        raise Refused(name, "must be one line of printable characters")


def _check_forms(values: Values) -> None:
    forms: tuple[tuple[str, re.Pattern[str], str], ...] = (
        ("support_email_address", _EMAIL, "must be an email address"),
        ("language", _LANGUAGE, "must be a language code like en or haw (ISO 639)"),
        ("region", _REGION, "must be a country code like US (ISO 3166-1)"),
        ("admin_short_name", _SHORT_NAME, "must be small letters, digits, and . _ -"),
    )
    for name, form, why in forms:
        if values[name] and not form.match(values[name]):
            raise Refused(name, why)
    for name in VERSIONS:
        if values[name] not in ("", LATEST) and not _VERSION.match(values[name]):
            raise Refused(name, f"must be a version like 26.1, or {LATEST}, or empty")
    for name in ("profile_name", "org_magic"):
        if not values[name]:
            raise Refused(name, "Apple wants one")
    if values["admin_short_name"] in _RESERVED:
        raise Refused("admin_short_name", "macOS has such an account already")
    if values["username_pattern"] not in ("", *USERNAME_PATTERNS):
        raise Refused("username_pattern", f"must be one of {', '.join(USERNAME_PATTERNS)}")
    if values["admin_password_complexity"] not in COMPLEXITIES:
        raise Refused("admin_password_complexity", "must be 1, 2 or 3")
    if not 0 <= values["admin_password_rotation_delay"] <= MOST_DELAY:
        raise Refused("admin_password_rotation_delay", f"must lie between 0 and {MOST_DELAY}")


def _skip_items(given: list[str]) -> list[str]:
    unknown = [item for item in given if item not in SKIP_ITEMS]
    if unknown:
        raise Refused("skip_setup_items", f"Apple knows no {', '.join(sorted(set(unknown))[:5])}")
    return [key for key in SKIP_ITEMS if key in given]


def _certificates(given: list[str]) -> list[str]:
    """Base64 of DER, from that or from PEM."""
    if len(given) > MOST_HOST_CERTS:
        raise Refused("supervising_host_certs", f"at most {MOST_HOST_CERTS} certificates")
    found: dict[str, None] = {}
    for number, text in enumerate(given, 1):
        for der in _ders(text, number):
            found[base64.b64encode(der).decode()] = None
    return list(found)


def _ders(text: str, number: int) -> tuple[bytes, ...]:
    try:
        if "-----BEGIN " in text:
            return tuple(pem.certificates(text))
        der = base64.b64decode("".join(text.split()), validate=True)
        x509.facts(der)
        return (der,)
    except (ProtocolError, binascii.Error, ValueError) as error:
        why = f"certificate {number} is neither PEM nor base64 of DER"
        raise Refused("supervising_host_certs", why) from error


Faults = Iterator[tuple[str, str]]


def _supervision(values: Values, around: Surroundings) -> Faults:
    if not values["is_mdm_removable"] and not values["is_supervised"]:
        yield "is_mdm_removable", "only on supervised devices the management cannot be removed"
    if values["supervising_host_certs"] and not values["is_supervised"]:
        yield "supervising_host_certs", "counts on supervised devices only"
    if values["include_anchor_certs"] and not around.anchors:
        yield "include_tls_certificates", "ZMDM_ADE_ANCHORS has no certificates to include"


def _waiting(values: Values, around: Surroundings) -> Faults:
    if values["is_return_to_service"] and not values["await_device_configured"]:
        yield "await_device_configured", "Return to Service always waits for the server"
    if values["is_return_to_service"] and values["is_multi_user"]:
        yield "is_return_to_service", "Shared iPad knows no Return to Service"
    if values["return_wifi_artifact_id"] and not values["is_return_to_service"]:
        yield "return_wifi_artifact", "counts with is_return_to_service only"
    if values["return_retry_enrollment"] and not values["is_return_to_service"]:
        yield "return_retry_enrollment", "counts with is_return_to_service only"
    if values["auto_advance_setup"] and around.realm_required:
        yield "auto_advance_setup", "a device that advances by itself has nobody who signs in"
    if values["await_device_configured"]:
        return
    for name, what in _AWAITED.items():
        if values[name]:
            yield "await_device_configured", f"{what} is made while the device waits: turn it on"


_AWAITED: Final = {
    "admin_short_name": "the administrator account",
    "use_realm_user": "the account of the realm user",
    "skip_primary_account": "the choice of accounts",
}


def _people(values: Values, around: Surroundings) -> Faults:
    use = values["use_realm_user"]
    if use and not around.realm:
        yield "use_realm_user", "needs a realm that people sign in to"
    if use and not values["username_pattern"]:
        yield "username_pattern", "say how the account is named"
    if not use and values["username_pattern"]:
        yield "username_pattern", "counts with use_realm_user only"
    for name in ("realm_user_is_admin", "lock_primary_account_info"):
        if values[name] and not use:
            yield name, "counts with use_realm_user only"
    if use and values["skip_primary_account"]:
        yield "skip_primary_account", "contradicts use_realm_user, which makes that account"


def _administrator(values: Values, around: Surroundings) -> Faults:
    full, short = values["admin_full_name"], values["admin_short_name"]
    if bool(full) != bool(short):
        missing = "admin_short_name" if full else "admin_full_name"
        yield missing, "an administrator account has a full name and a short name"
    if short:
        return
    if values["hidden_admin"]:
        yield "hidden_admin", "there is no administrator account to hide"
    if values["skip_primary_account"]:
        yield "skip_primary_account", "Apple wants an administrator account then: name one"
    if values["use_realm_user"] and not values["realm_user_is_admin"]:
        yield "realm_user_is_admin", "a Mac needs an administrator: this one, or one named below"


_CONTRADICTIONS: Final[tuple[Callable[[Values, Surroundings], Faults], ...]] = (
    _supervision,
    _waiting,
    _people,
    _administrator,
)
