"""The ready policy: whom it lets do what."""

from __future__ import annotations

import pytest

from zmdm_plugin import policy
from zmdm_plugin.services import access

REVEALING = {name for name, meaning in access.permissions().items() if "eveal" in meaning}


@pytest.mark.parametrize(
    ("role", "permission", "allowed"),
    [
        ("administrator", "mdm.delete_pushcertificate", True),
        ("operator", "mdm.add_devicecommand.EraseDevice", True),
        ("operator", "mdm.add_customcommand", False),
        ("operator", "mdm.view_auditentry", False),
        ("operator", "mdm.view_apitoken", False),
        ("help_desk", "mdm.add_devicecommand.DeviceLock", True),
        ("help_desk", "mdm.add_devicecommand.EraseDevice", False),
        ("help_desk", "mdm.add_devicecommand", False),
        ("help_desk", "mdm.change_enrolleddevice", False),
        ("help_desk", "mdm.view_filevault_prk", True),
        ("auditor", "mdm.view_auditentry", True),
        ("auditor", "mdm.add_devicecommand.DeviceInformation", False),
        ("nobody", "mdm.view_enrolleddevice", False),
        (None, "mdm.view_enrolleddevice", False),
        ("administrator", "host.delete_everything", False),
    ],
)
def test_a_role_allows(role: str | None, permission: str, allowed: bool) -> None:
    assert policy.allows(role, permission) is allowed


@pytest.mark.parametrize("role", policy.ROLES.values(), ids=lambda role: str(role.name))
def test_every_permission_of_a_role_exists(role: policy.Role) -> None:
    known = access.permissions()
    for pattern in role.permissions:
        assert any(policy.covers([pattern], name) for name in known), pattern


def test_an_auditor_changes_nothing_and_reveals_nothing() -> None:
    may = {name for name in access.permissions() if policy.AUDITOR.allows(name)}
    assert all(name.startswith("mdm.view_") for name in may)
    assert not may & REVEALING


def test_no_role_but_the_administrators_has_a_pattern() -> None:
    for role in policy.ROLES.values():
        if role is not policy.ADMINISTRATOR:
            assert not any("*" in name for name in role.permissions)


def test_what_reveals_is_known() -> None:
    assert {"mdm.view_filevault_prk", "mdm.view_device_lock_pin"} <= REVEALING
