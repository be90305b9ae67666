"""What the push service demands of a request, as pure functions over values.

https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns
https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

MAX_BODY = 4096  # bytes
MAX_TOKEN = 100  # bytes; Apple says only: do not assume a size
_PATH = "/3/device/"
_TOKEN = re.compile(r"(?:[0-9a-fA-F]{2})+\Z")
_NUMBER = re.compile(r"[0-9]{1,12}\Z")
_PRIORITIES = frozenset({"1", "5", "10"})

STATUS: dict[str, int] = {
    "BadCollapseId": 400,
    "BadDeviceToken": 400,
    "BadExpirationDate": 400,
    "BadMessageId": 400,
    "BadPriority": 400,
    "BadTopic": 400,
    "DeviceTokenNotForTopic": 400,
    "DuplicateHeaders": 400,
    "IdleTimeout": 400,
    "InvalidPushType": 400,
    "MissingDeviceToken": 400,
    "MissingTopic": 400,
    "PayloadEmpty": 400,
    "TopicDisallowed": 400,
    "BadCertificate": 403,
    "BadCertificateEnvironment": 403,
    "ExpiredProviderToken": 403,
    "Forbidden": 403,
    "InvalidProviderToken": 403,
    "MissingProviderToken": 403,
    "UnrelatedKeyIdInToken": 403,
    "BadEnvironmentKeyIdInToken": 403,
    "BadPath": 404,
    "MethodNotAllowed": 405,
    "ExpiredToken": 410,
    "Unregistered": 410,
    "PayloadTooLarge": 413,
    "TooManyProviderTokenUpdates": 429,
    "TooManyRequests": 429,
    "InternalServerError": 500,
    "ServiceUnavailable": 503,
    "Shutdown": 503,
    # Not Apple's: the real service takes any JSON and the device ignores it. The played one says
    # so at once, because a sender with such a body would be silently useless.
    "NotAnMdmPayload": 400,
}


@dataclass(frozen=True, slots=True)
class Accepted:
    """A push that the service takes."""

    token: str
    magic: str
    topic: str
    expiration: int
    priority: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Why the service does not take a push; timestamp in milliseconds, with status 410 only."""

    status: int
    reason: str
    timestamp: int | None = None


def refused(reason: str) -> Refused:
    """Refuse with the status that Apple gives to this reason."""
    return Refused(STATUS[reason], reason)


def judge(
    headers: Sequence[tuple[str, str]], body: bytes, *, certificate_topic: str
) -> Accepted | Refused:
    """Take a request as the push service does, or say what is wrong with it first."""
    fields = dict(headers)
    if len(fields) != len(headers):
        return refused("DuplicateHeaders")
    fault = (
        _wrong_target(fields)
        or _wrong_topic(fields, certificate_topic)
        or _wrong_options(fields)
        or _wrong_size(body)
    )
    if fault:
        return refused(fault)
    magic = _magic(body)
    if magic is None:
        return refused("NotAnMdmPayload")
    return Accepted(
        token=fields[":path"][len(_PATH) :].lower(),
        magic=magic,
        topic=certificate_topic,
        expiration=int(fields.get("apns-expiration", "0")),
        priority=int(fields.get("apns-priority", "10")),
    )


def _wrong_target(fields: dict[str, str]) -> str | None:
    path = fields.get(":path", "")
    if not path.startswith(_PATH) or fields.get(":scheme") != "https":
        return "BadPath"
    if fields.get(":method") != "POST":
        return "MethodNotAllowed"
    token = path[len(_PATH) :]
    if not token:
        return "MissingDeviceToken"
    if not _TOKEN.match(token) or len(token) > 2 * MAX_TOKEN:
        return "BadDeviceToken"
    return None


def _wrong_topic(fields: dict[str, str], certificate_topic: str) -> str | None:
    topic = fields.get("apns-topic")
    if topic is None:
        return "MissingTopic"
    if not topic.startswith("com.apple.mgmt."):
        return "BadTopic"
    return None if topic == certificate_topic else "TopicDisallowed"


def _wrong_options(fields: dict[str, str]) -> str | None:
    if fields.get("apns-push-type") != "mdm":
        return "InvalidPushType"
    if fields.get("apns-priority", "10") not in _PRIORITIES:
        return "BadPriority"
    if not _NUMBER.match(fields.get("apns-expiration", "0")):
        return "BadExpirationDate"
    if len(fields.get("apns-collapse-id", "").encode()) > 64:
        return "BadCollapseId"
    if "apns-id" in fields and not _is_uuid(fields["apns-id"]):
        return "BadMessageId"
    return None


def _wrong_size(body: bytes) -> str | None:
    if not body.strip():
        return "PayloadEmpty"
    return "PayloadTooLarge" if len(body) > MAX_BODY else None


def _magic(body: bytes) -> str | None:
    """Read the magic of a body that is exactly {"mdm": magic}."""
    try:
        value = json.loads(body)
    except ValueError:
        return None
    if not isinstance(value, dict) or set(value) != {"mdm"}:
        return None
    magic = value["mdm"]
    return magic if isinstance(magic, str) and magic else None


def _is_uuid(text: str) -> bool:
    try:
        return len(text) == 36 and bool(uuid.UUID(text))
    except ValueError:
        return False
