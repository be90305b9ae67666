"""What may be secret in a version, and what differs between two."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from zmdm_plugin.commands.base import REDACTED
from zmdm_plugin.services.artifacts.comparing import difference, masked


@pytest.mark.parametrize(
    "key",
    [
        "Password",
        "AuthPassword",
        "EAPClientPassword",
        "SharedSecret",
        "Challenge",
        "LicenseKey",
        "api_key",
        "EnrollmentToken",
        "PIN",
        "PrivateKey",
        "userPassphrase",
    ],
)
@pytest.mark.parametrize("value", ["hunter2", b"hunter2"])
def test_what_is_named_like_a_secret_is_hidden(key: str, value: str | bytes) -> None:
    assert masked({"a": [{key: value}]}) == {"a": [{key: REDACTED}]}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("SSID_STR", "Staff"),
        ("allowPasscodeModification", False),
        ("MinimumLength", 8),
        ("Password", ""),
        ("PayloadIdentifier", "org.example.wifi"),
        ("DataAssetReference", "Settings"),
    ],
)
def test_what_is_no_secret_is_shown(key: str, value: Any) -> None:
    assert masked({key: value}) == {key: value}


def test_data_is_told_by_size_and_hash() -> None:
    shown = masked({"PayloadContent": b"0" * 100})["PayloadContent"]
    assert shown.startswith("100 bytes, SHA-256 ")


def test_dates_are_told_as_text() -> None:
    assert masked({"at": datetime(2026, 11, 23, tzinfo=UTC)}) == {"at": "2026-11-23T00:00:00Z"}


def test_lines_that_differ_are_told_with_some_around_them() -> None:
    before = [f"line {number}" for number in range(20)]
    after = [*before[:10], "another", *before[11:]]
    found = difference(before, after)
    assert ("removed", "line 10") in found
    assert ("added", "another") in found
    assert ("same", "line 9") in found
    assert ("same", "line 2") not in found


def test_what_is_the_same_has_no_difference() -> None:
    assert difference(["a", "b"], ["a", "b"]) == []
