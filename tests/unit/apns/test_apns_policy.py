from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from zmdm_plugin.clients.apns_policy import Action, back_off, decide
from zmdm_plugin.clients.apns_wire import LocalReason, Outcome

DEAD_SINCE = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "reason", "action"),
    [
        (200, None, Action.DELIVERED),
        (400, "BadDeviceToken", Action.SUSPEND_TOKEN),
        (400, "DeviceTokenNotForTopic", Action.SUSPEND_TOKEN),
        (400, "BadTopic", Action.BREAK_CERTIFICATE),
        (400, "MissingTopic", Action.BREAK_CERTIFICATE),
        (400, "TopicDisallowed", Action.BREAK_CERTIFICATE),
        (400, "IdleTimeout", Action.BACK_OFF),
        (400, "BadCollapseId", Action.REPORT_DEFECT),
        (400, "BadExpirationDate", Action.REPORT_DEFECT),
        (400, "BadMessageId", Action.REPORT_DEFECT),
        (400, "BadPriority", Action.REPORT_DEFECT),
        (400, "DuplicateHeaders", Action.REPORT_DEFECT),
        (400, "InvalidPushType", Action.REPORT_DEFECT),
        (400, "MissingDeviceToken", Action.REPORT_DEFECT),
        (400, "PayloadEmpty", Action.REPORT_DEFECT),
        (403, "BadCertificate", Action.BREAK_CERTIFICATE),
        (403, "BadCertificateEnvironment", Action.BREAK_CERTIFICATE),
        (403, "Forbidden", Action.BREAK_CERTIFICATE),
        (403, "MissingProviderToken", Action.BREAK_CERTIFICATE),
        (404, "BadPath", Action.REPORT_DEFECT),
        (405, "MethodNotAllowed", Action.REPORT_DEFECT),
        (410, "Unregistered", Action.KILL_TOKEN),
        (410, "ExpiredToken", Action.KILL_TOKEN),
        (413, "PayloadTooLarge", Action.REPORT_DEFECT),
        (429, "TooManyRequests", Action.BACK_OFF),
        (429, "TooManyProviderTokenUpdates", Action.BACK_OFF),
        (500, "InternalServerError", Action.BACK_OFF),
        (503, "ServiceUnavailable", Action.BACK_OFF),
        (503, "Shutdown", Action.BACK_OFF),
        (0, LocalReason.UNAVAILABLE, Action.BACK_OFF),
        (0, LocalReason.TIMEOUT, Action.BACK_OFF),
        (0, LocalReason.TLS_ERROR, Action.BACK_OFF),
        (0, LocalReason.SERVER_UNTRUSTED, Action.BACK_OFF),
        (0, LocalReason.CERTIFICATE_EXPIRED, Action.BREAK_CERTIFICATE),
        (0, LocalReason.CERTIFICATE_REJECTED, Action.BREAK_CERTIFICATE),
        (0, LocalReason.INVALID_PUSH, Action.REPORT_DEFECT),
    ],
)
def test_each_reason_has_its_action(status: int, reason: str | None, action: Action) -> None:
    assert decide(Outcome(1, status, reason)) is action


@pytest.mark.parametrize(
    ("status", "action"),
    [
        (400, Action.REPORT_DEFECT),
        (403, Action.BREAK_CERTIFICATE),
        (410, Action.KILL_TOKEN),
        (429, Action.BACK_OFF),
        (502, Action.BACK_OFF),
    ],
)
def test_an_unknown_reason_is_decided_by_its_status(status: int, action: Action) -> None:
    assert decide(Outcome(1, status, "NewInNextYear")) is action


def test_a_410_from_after_the_token_update_kills_the_token() -> None:
    outcome = Outcome(1, 410, "Unregistered", DEAD_SINCE)
    token_since = DEAD_SINCE - timedelta(seconds=1)
    assert decide(outcome, token_since=token_since) is Action.KILL_TOKEN


def test_a_410_from_before_the_token_update_leaves_the_token_alive() -> None:
    outcome = Outcome(1, 410, "Unregistered", DEAD_SINCE)
    token_since = DEAD_SINCE + timedelta(seconds=1)
    assert decide(outcome, token_since=token_since) is Action.BACK_OFF


def test_waits_grow_up_to_the_longest_and_are_spread() -> None:
    waits = [back_off(9, first=1, longest=60) for _ in range(200)]
    assert 30 <= min(waits) < 36 and 54 < max(waits) <= 60
    assert back_off(1, first=1, longest=60) <= 1
    assert 2 <= back_off(3, first=1, longest=60) <= 4


def test_waits_do_not_overflow_after_ten_thousand_failures() -> None:
    assert back_off(10_000, first=1, longest=3600) <= 3600
