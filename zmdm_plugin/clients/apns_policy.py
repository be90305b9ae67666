"""What to do about each answer of Apple's push service, as a pure function.

https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns
"""

from __future__ import annotations

import random
from datetime import datetime
from enum import Enum
from types import MappingProxyType

from zmdm_plugin.clients.apns_wire import LocalReason, Outcome


class Action(Enum):
    """What a push's outcome asks of whoever keeps tokens and certificates."""

    DELIVERED = "delivered"
    """Apple has it; the device comes when it can."""
    KILL_TOKEN = "kill_token"
    """Never again to this token; only a newer TokenUpdate brings another."""
    SUSPEND_TOKEN = "suspend_token"
    """Not to this token under this certificate, but for one try a day, and one under a new
    certificate: the device may never send another TokenUpdate."""
    BREAK_CERTIFICATE = "break_certificate"
    """Nothing more with this certificate until it is replaced or an operator says so; alert."""
    BACK_OFF = "back_off"
    """Again later, with growing, jittered waits."""
    STILL_DUE = "still_due"
    """It was not sent: nothing is known that was not known before."""
    REPORT_DEFECT = "report_defect"
    """Our request was wrong: the same one would fail again. Log it, wait as for BACK_OFF."""


_BY_REASON = MappingProxyType(
    {
        "BadDeviceToken": Action.SUSPEND_TOKEN,
        "DeviceTokenNotForTopic": Action.SUSPEND_TOKEN,
        "ExpiredToken": Action.KILL_TOKEN,
        "Unregistered": Action.KILL_TOKEN,
        # Each of these is about the topic or the certificate, so the next push fails likewise.
        "BadTopic": Action.BREAK_CERTIFICATE,
        "MissingTopic": Action.BREAK_CERTIFICATE,
        "TopicDisallowed": Action.BREAK_CERTIFICATE,
        "BadCertificate": Action.BREAK_CERTIFICATE,
        "BadCertificateEnvironment": Action.BREAK_CERTIFICATE,
        "Forbidden": Action.BREAK_CERTIFICATE,
        "IdleTimeout": Action.BACK_OFF,
        "TooManyRequests": Action.BACK_OFF,
        "InternalServerError": Action.BACK_OFF,
        "ServiceUnavailable": Action.BACK_OFF,
        "Shutdown": Action.BACK_OFF,
        LocalReason.CERTIFICATE_EXPIRED: Action.BREAK_CERTIFICATE,
        LocalReason.CERTIFICATE_NOT_YET_VALID: Action.BREAK_CERTIFICATE,
        LocalReason.CERTIFICATE_REJECTED: Action.BREAK_CERTIFICATE,
        LocalReason.CERTIFICATE_UNUSABLE: Action.BREAK_CERTIFICATE,
        LocalReason.NOT_SENT: Action.STILL_DUE,
        LocalReason.INVALID_PUSH: Action.REPORT_DEFECT,
    }
)
_BY_STATUS = MappingProxyType(
    {
        0: Action.BACK_OFF,
        200: Action.DELIVERED,
        403: Action.BREAK_CERTIFICATE,
        410: Action.KILL_TOKEN,
        429: Action.BACK_OFF,
    }
)


def decide(outcome: Outcome, *, token_since: datetime | None = None) -> Action:
    """Choose by reason, and by status where Apple has a reason that we do not know.

    `token_since` is when the device last sent this token: a 410 that speaks of a moment before it
    is about the token's former life, and does not kill it.
    """
    if outcome.status == 200:
        return Action.DELIVERED
    action = _BY_REASON.get(outcome.reason or "") or _by_status(outcome.status)
    if action is Action.KILL_TOKEN and _outlived(outcome.timestamp, token_since):
        return Action.BACK_OFF
    return action


def _by_status(status: int) -> Action:
    if 500 <= status <= 599:
        return Action.BACK_OFF
    return _BY_STATUS.get(status, Action.REPORT_DEFECT)


def _outlived(dead_since: datetime | None, token_since: datetime | None) -> bool:
    return dead_since is not None and token_since is not None and token_since > dead_since


def back_off(failures: int, *, first: float, longest: float) -> float:
    """Give the seconds to wait after so many failures in a row.

    Doubled each time, and anywhere in the upper half, so that a fleet does not come back at once.
    """
    ceiling = min(longest, first * 2.0 ** min(max(failures, 1) - 1, 30))
    return ceiling * random.uniform(0.5, 1.0)
