"""What an ADE enrollment may say: each limit and contradiction names its field."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.dep import certificate
from zmdm_plugin.errors import Refused
from zmdm_plugin.protocol import pem
from zmdm_plugin.services.ade import rules, settings
from zmdm_plugin.services.ade.rules import Surroundings

ADMIN = {"admin_full_name": "Administrator", "admin_short_name": "ladmin"}
PERSON = {"use_realm_user": True, "username_pattern": rules.USERNAME_PATTERNS[0]}
AWAIT = {"await_device_configured": True}
ALONE, REALM = Surroundings(), Surroundings(realm=True)


def said(**changes: Any) -> dict[str, Any]:
    """A new enrollment with these values."""
    return {**settings.defaults(), "profile_name": "Staff", "org_magic": "M", **changes}


def field(around: Surroundings = ALONE, **changes: Any) -> str:
    """The field that is refused, empty if none is."""
    try:
        rules.checked(said(**changes), around)
    except Refused as refused:
        return refused.field
    return ""


@pytest.mark.parametrize(("name", "longest"), rules.LENGTHS.items())
def test_a_text_is_as_long_as_apple_takes_it_and_one_line(name: str, longest: int) -> None:
    other = ADMIN if name.startswith("admin_") else {}
    text = ("a@" + "b" * (longest - 2)) if name == "support_email_address" else "a" * longest
    assert field(**{**AWAIT, **other, name: text}) == ""
    assert field(**{**AWAIT, **other, name: text + "c"}) == name
    assert field(**{**AWAIT, **other, name: "a\nb"}) == name


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"profile_name": " "}, "profile_name"),
        ({"org_magic": ""}, "org_magic"),
        ({"support_email_address": "nobody"}, "support_email_address"),
        ({"language": "EN"}, "language"),
        ({"language": "haw"}, ""),
        ({"region": "us"}, "region"),
        ({"ios_min_version": "latest"}, ""),
        ({"macos_min_version": "26.1.1"}, ""),
        ({"macos_min_version": "26."}, "macos_min_version"),
        ({"visionos_min_version": "newest"}, "visionos_min_version"),
        ({"skip_setup_items": ["Siri", "Nothing"]}, "skip_setup_items"),
        ({"supervising_host_certs": ["AAAA"]}, "supervising_host_certs"),
        ({"admin_password_complexity": 4}, "admin_password_complexity"),
        ({"admin_password_rotation_delay": 1441}, "admin_password_rotation_delay"),
        ({**AWAIT, **ADMIN, "admin_short_name": "Admin"}, "admin_short_name"),
        ({**AWAIT, **ADMIN, "admin_short_name": "root"}, "admin_short_name"),
    ],
)
def test_a_value_of_another_form_is_refused(changes: dict[str, Any], expected: str) -> None:
    assert field(**changes) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"is_supervised": False}, "is_mdm_removable"),
        ({"is_supervised": False, "is_mdm_removable": True}, ""),
        ({"include_anchor_certs": True}, "include_tls_certificates"),
        ({"is_return_to_service": True}, "await_device_configured"),
        ({**AWAIT, "is_return_to_service": True, "is_multi_user": True}, "is_return_to_service"),
        (ADMIN, "await_device_configured"),
        ({**AWAIT, **ADMIN}, ""),
        ({**AWAIT, "admin_full_name": "A"}, "admin_short_name"),
        ({**AWAIT, "admin_short_name": "a"}, "admin_full_name"),
        ({"hidden_admin": True}, "hidden_admin"),
        ({**AWAIT, "skip_primary_account": True}, "skip_primary_account"),
        ({**AWAIT, **ADMIN, "skip_primary_account": True}, ""),
        ({**AWAIT, **PERSON, "realm_user_is_admin": True}, "use_realm_user"),
        ({"username_pattern": rules.USERNAME_PATTERNS[1]}, "username_pattern"),
        ({"realm_user_is_admin": True}, "realm_user_is_admin"),
        ({"lock_primary_account_info": True}, "lock_primary_account_info"),
    ],
)
def test_a_contradiction_is_refused(changes: dict[str, Any], expected: str) -> None:
    assert field(**changes) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({**AWAIT, **PERSON, "realm_user_is_admin": True}, ""),
        ({**PERSON, "realm_user_is_admin": True}, "await_device_configured"),
        ({**AWAIT, "use_realm_user": True}, "username_pattern"),
        ({**AWAIT, **PERSON}, "realm_user_is_admin"),
        ({**AWAIT, **PERSON, **ADMIN}, ""),
        ({**AWAIT, **PERSON, **ADMIN, "skip_primary_account": True}, "skip_primary_account"),
    ],
)
def test_the_account_of_a_person_needs_a_realm_and_an_administrator(
    changes: dict[str, Any], expected: str
) -> None:
    assert field(REALM, **changes) == expected


def test_a_device_that_advances_by_itself_has_nobody_to_sign_in() -> None:
    required = Surroundings(realm=True, realm_required=True)
    assert field(required, auto_advance_setup=True) == "auto_advance_setup"
    assert field(REALM, auto_advance_setup=True) == ""


def test_certificates_of_hosts_are_kept_as_base64_however_they_came() -> None:
    der = certificate()
    text = base64.b64encode(der).decode()
    given = [pem.certificate_pem(der), f"{text[:40]}\n{text[40:]}"]
    found = rules.checked(said(supervising_host_certs=given), ALONE)
    assert found["supervising_host_certs"] == [text]
    assert field(supervising_host_certs=given, is_supervised=False, is_mdm_removable=True) == (
        "supervising_host_certs"
    )
