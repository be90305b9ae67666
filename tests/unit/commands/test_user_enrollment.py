"""A person's own device is not asked for what Apple's page forbids there."""

from __future__ import annotations

from typing import Any

import pytest

from tests import apple_schema
from zmdm_plugin.commands import registry
from zmdm_plugin.protocol.platform import Platform

pytestmark = pytest.mark.needs("apple_schema")
PERSONAL = {
    "iOS": {Platform.IOS, Platform.IPADOS},
    "macOS": {Platform.MACOS},
    "visionOS": {Platform.VISIONOS},
}


def forbidden_by_apple(request_type: str) -> set[str]:
    """Platforms with the command, where a user enrollment does not take it."""
    page: dict[str, Any] = apple_schema.command_pages().get(request_type, {})
    rules = page.get("payload", {}).get("supportedOS", {})
    return {
        name
        for name in PERSONAL
        if name in rules
        and rules[name].get("introduced") != "n/a"
        and (rules[name].get("userenrollment") or {}).get("mode") == "forbidden"
    }


@pytest.mark.parametrize("name", [command.name for command in registry])
def test_what_apple_forbids_in_a_user_enrollment_is_not_allowed(name: str) -> None:
    command = registry[name]
    forbidden = {one for name in forbidden_by_apple(command.request_type) for one in PERSONAL[name]}
    assert command.user_enrollment_on & forbidden == frozenset()


def test_apples_page_is_understood() -> None:
    assert {"iOS", "macOS"} <= forbidden_by_apple("EraseDevice")
    assert forbidden_by_apple("DeviceLock") == {"macOS"}
    assert forbidden_by_apple("InstallProfile") == set()
