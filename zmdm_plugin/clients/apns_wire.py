"""The values that go to and come from Apple's push service, and their bytes.

https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns
https://developer.apple.com/documentation/devicemanagement/sending-push-notifications-to-devices
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

PRIORITY: Final = "10"  # at once; a wake is always asked for by someone
MAX_BODY: Final = 4096  # bytes, Apple's bound
MAX_REASON: Final = 64  # characters kept of a reason; Apple's longest has 27


class LocalReason:
    """Reasons with status 0: the push service gave no answer to this push."""

    UNAVAILABLE: Final = "Unavailable"  # no connection, or it broke
    TIMEOUT: Final = "Timeout"  # no answer in time, or the batch's time was up
    NOT_SENT: Final = "NotSent"  # the batch's time was up before its turn
    SERVER_UNTRUSTED: Final = "ServerUntrusted"  # the server's TLS certificate does not hold
    TLS_ERROR: Final = "TlsError"
    NO_HTTP2: Final = "NoHttp2"
    PROTOCOL_ERROR: Final = "ProtocolError"  # the peer breaks HTTP/2
    PROXY_REFUSED: Final = "ProxyRefused"
    CERTIFICATE_EXPIRED: Final = "CertificateExpired"  # ours; nothing was sent
    CERTIFICATE_NOT_YET_VALID: Final = "CertificateNotYetValid"  # ours; nothing was sent
    CERTIFICATE_REJECTED: Final = "CertificateRejected"  # ours, by a TLS alert or an earlier 403
    CERTIFICATE_UNUSABLE: Final = (
        "CertificateUnusable"  # ours: no key, or no pair; nothing was sent
    )
    INVALID_PUSH: Final = "InvalidPush"  # no token, no magic, or too long to send


@dataclass(frozen=True, slots=True)
class Push:
    """One wake-up: the caller's id of it, and what the device's TokenUpdate gave.

    `expiration` is in epoch seconds: until then Apple keeps the push for a device that is offline;
    0 means to try once.
    """

    id: int
    token: bytes
    magic: str
    expiration: int

    def body(self) -> bytes:
        """Encode the payload, which for a device holds its magic and nothing else."""
        return b'{"mdm":' + json.dumps(self.magic).encode("ascii") + b"}"

    def sendable(self) -> bool:
        """Tell whether Apple could take it at all; asked before a stream is spent on it."""
        return (
            bool(self.token)
            and bool(self.magic)
            and self.expiration >= 0
            and len(self.token) <= 1024
            and len(self.body()) <= MAX_BODY
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one push. Status 0: no answer came, and `reason` is a LocalReason.

    `timestamp` comes with status 410 only: since when Apple knows that the token is dead.
    """

    id: int
    status: int
    reason: str | None = None
    timestamp: datetime | None = None
    apns_id: str | None = None


def unanswered(push: Push, reason: str) -> Outcome:
    """Report a push without an answer."""
    return Outcome(push.id, 0, reason)


def read_outcome(push: Push, status: int, apns_id: str | None, body: bytes) -> Outcome:
    """Read an answer: empty for 200, else JSON with a reason and, for 410, milliseconds.

    A body that is none of this leaves the reason empty: the status alone then decides.
    """
    if status == 200 and not body:
        return Outcome(push.id, 200, None, None, apns_id)
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        return Outcome(push.id, status, None, None, apns_id)
    reason = content.get("reason")
    return Outcome(
        push.id,
        status,
        reason[:MAX_REASON] if isinstance(reason, str) else None,
        _moment(content.get("timestamp")),
        apns_id,
    )


def _moment(milliseconds: object) -> datetime | None:
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, (int, float)):
        return None
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
