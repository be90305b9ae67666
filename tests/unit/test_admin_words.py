"""Words and reasons: pure functions, no screen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from zmdm_plugin.admin import words
from zmdm_plugin.services.waiting import why

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def ago(**length: int) -> datetime:
    return NOW - timedelta(**length)


def command(**values: Any) -> SimpleNamespace:
    usual = {"state": "queued", "finished_at": None, "not_before": None, "expires_at": None}
    usual |= {"delivery_count": 0, "not_now_count": 0, "created_at": ago(minutes=5)}
    return SimpleNamespace(**{**usual, **values})


def channel(**values: Any) -> SimpleNamespace:
    usual = {"ended_at": None, "push_token": b"t", "push_dead_at": None, "push_due_at": None}
    usual |= {"push_suspended_certificate_id": None, "push_attempts": 0, "push_reason": None}
    usual |= {"push_status": 200, "pushed_at": ago(minutes=4), "last_seen_at": ago(hours=2)}
    usual |= {"plan_due_at": None, "push_answered_at": ago(minutes=4)}
    return SimpleNamespace(**{**usual, **values})


@pytest.mark.parametrize(
    ("item", "told", "said"),
    [
        (command(finished_at=NOW), channel(), ""),
        (command(), channel(), "Pushed 4 minutes ago, APNs took it; the device has not come by"),
        (command(), channel(last_seen_at=ago(minutes=1)), "the device polled 1 minute ago"),
        (command(), channel(pushed_at=None), "Not pushed yet."),
        (command(), channel(push_due_at=ago(seconds=20)), "Not pushed yet; due 20 seconds ago."),
        (
            command(),
            channel(push_due_at=NOW + timedelta(minutes=2), push_attempts=3, push_reason="Busy"),
            "Not pushed: APNs said Busy (3 attempts); tried again in 2 minutes.",
        ),
        (command(), channel(push_dead_at=ago(days=1)), "no longer valid (410)"),
        (command(), channel(push_token=None), "has not sent a push token"),
        (
            command(),
            channel(push_suspended_certificate_id=1, push_reason="BadDeviceToken"),
            "Apple refuses the push (BadDeviceToken); tried again daily",
        ),
        (
            command(),
            channel(push_status=400, push_reason="BadTopic"),
            "APNs refused the last push 4 minutes ago: BadTopic.",
        ),
        (command(not_before=NOW + timedelta(hours=3)), channel(), "may be sent in 3 hours"),
        (
            command(state="delivered", delivered_at=ago(minutes=1), delivery_count=2),
            channel(),
            "Delivered 1 minute ago, 2 times in all; the answer has not come yet.",
        ),
        (
            command(state="not_now", not_now_count=2, not_now_at=ago(hours=1)),
            channel(push_due_at=NOW + timedelta(minutes=15)),
            "NotNow 2 times, first 1 hour ago. It is woken again in 15 minutes.",
        ),
        (command(), channel(ended_at=ago(days=1)), "it will not be sent"),
        (command(expires_at=NOW + timedelta(days=2)), channel(), "It expires in 2 days."),
    ],
)
def test_why_a_command_waits(item: Any, told: Any, said: str) -> None:
    found = why(item, told, NOW)
    assert said in found if said else found == ""


def test_a_command_behind_others_says_so_first() -> None:
    assert why(command(), channel(), NOW, ahead=2).startswith("Waits behind 2 other commands")


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        (None, "never"),
        (ago(seconds=3), "just now"),
        (ago(seconds=59), "59 seconds ago"),
        (ago(minutes=1), "1 minute ago"),
        (ago(hours=47), "1 day ago"),
        (NOW + timedelta(days=400), "in 1 year"),
    ],
)
def test_times_are_told_in_their_largest_unit(moment: datetime | None, said: str) -> None:
    assert words.ago(moment, NOW) == said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("OSVersion", "OS version"),
        ("os_version", "OS version"),
        ("FDE_Enabled", "FDE enabled"),
        ("device.name_changed", "Device name changed"),
        ("IsMDMLostModeEnabled", "Is MDM lost mode enabled"),
        ("wifi_profile", "Wi-Fi profile"),
        ("udids", "UDIDs"),
        ("iTunesStoreAccountIsActive", "iTunes store account is active"),
        ("eSIMIdentifier", "eSIM identifier"),
        ("", ""),
    ],
)
def test_keys_are_made_readable(name: str, said: str) -> None:
    assert words.label(name) == said


@pytest.mark.parametrize(
    ("days", "said"),
    [(-1, "Expired"), (21, "Expires in 21 days"), (90, "Valid")],
)
def test_a_certificate_says_how_long_it_will_do(days: int, said: str) -> None:
    assert words.validity(NOW + timedelta(days=days), NOW).words == said


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("device.block", "Device blocked"),
        ("token.create", "API token created"),
        ("ca.renew", "CA renewed"),
        ("push_certificate.sign_csr", "Push certificate CSR signed"),
        ("enrollment.reveal_qr_code", "Enrollment QR code revealed"),
        ("artifact.delete_version", "Artifact version deleted"),
        ("dep_virtual_server.connect", "Virtual server connected"),
        ("dep_virtual_server.default", "Default enrollment of a virtual server changed"),
        ("device.set_recovery_password", "Device recovery password set"),
        ("realm_user.create", "Person created"),
        ("denied", "Denied"),
        ("something.unheard_of", "Something unheard of"),
    ],
)
def test_what_was_done_is_said_as_people_say_it(name: str, shown: str) -> None:
    assert words.action(name) == shown


@pytest.mark.parametrize(
    ("object_type", "shown"),
    [
        ("artifactversion", "Artifact version"),
        ("mdmblueprint", "Blueprint"),
        ("depvirtualserver", "Virtual server"),
        ("softwareupdateenforcement", "Software update enforcement"),
        ("something_of_yesterday", "Something of yesterday"),
    ],
)
def test_what_an_entry_is_about_has_a_name(object_type: str, shown: str) -> None:
    assert words.kind(object_type) == shown
