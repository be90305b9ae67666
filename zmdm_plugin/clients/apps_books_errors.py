"""What goes wrong between us and Apps & Books, each with a name and with what to do.

AppsBooksError
├── Refused                a number that says why
│   ├── TokenExpired, TokenRefused, ServiceRemoved     the location's token is no good
│   ├── TakenOver          another server manages the location
│   ├── NotEnough          fewer licences than were asked for
│   ├── NotificationRefused  Apple does not take, or does not reach, our address
│   ├── PageGone, VersionGone, EventUnknown            begin anew
│   ├── NotAssignable      not to devices, or for ever
│   └── BadRequest         a request that Apple cannot read: our own fault
├── Throttled              too many requests: later
├── ServiceDown            5xx
├── Unreachable            no answer: network, TLS, time
└── Unreadable             an answer that is none
https://developer.apple.com/documentation/devicemanagement/service-config
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from zmdm_plugin.errors import ZmdmError

_PORTAL: Final = "Apple Business or School Manager"
_RENEW: Final = f"download a new one in {_PORTAL} and upload it here"


class AppsBooksError(ZmdmError):
    """The message is for operators; `number` is Apple's, 0 if there was none.

    `transient` says that the same request may succeed later without anybody's doing.
    """

    status = 503
    transient = False

    def __init__(
        self,
        message: str,
        *,
        number: int = 0,
        http_status: int = 0,
        retry_after: int | None = None,
        info: Mapping[str, Any] | None = None,
    ) -> None:
        self.number = number
        self.http_status = http_status
        self.retry_after = retry_after
        self.info = info or {}
        super().__init__(message)


class Refused(AppsBooksError):
    """Apple said no and why; asking again changes nothing."""


class TokenExpired(Refused):
    """The content token is over."""


class TokenRefused(Refused):
    """The content token is unknown, revoked, or not sent as it should be."""


class ServiceRemoved(Refused):
    """The organization no longer has the service."""


class TakenOver(Refused):
    """Another server has said that it manages the location; `info` is its mdmInfo."""


class NotEnough(Refused):
    """There are fewer licences than were asked for."""


class NotificationRefused(Refused):
    """Apple does not take our address for notifications, or cannot reach it."""


class PageGone(Refused):
    """There is no such page any more: read from the start."""


class VersionGone(Refused):
    """The version to begin at is not known any more: read everything."""


class EventUnknown(Refused):
    """Apple does not know the event (any more)."""


class NotAssignable(Refused):
    """The asset cannot be assigned to devices, or not be taken back."""


class BadRequest(Refused):
    """A request that Apple cannot read or finds too long: our own fault."""


class Throttled(AppsBooksError):
    """Too many requests: try again after `retry_after` seconds."""

    transient = True


class ServiceDown(AppsBooksError):
    """5xx, or Apple's own "internal error"."""

    transient = True


class Unreachable(AppsBooksError):
    """No answer; `unsent` says that the request cannot have arrived."""

    transient = True
    unsent = False


class Unreadable(AppsBooksError):
    """The answer is not Apple's: a proxy or a page in between."""

    transient = True


NOT_ENOUGH: Final = 9709
_OURS = "Apple found our request wrong"
NUMBERS: Final[Mapping[int, tuple[type[AppsBooksError], str]]] = {
    9601: (TokenRefused, f"Apple asks for a login: {_RENEW}"),
    9602: (BadRequest, f"{_OURS}: an argument is invalid, or the asset is not the location's"),
    9603: (ServiceDown, "Apple met an internal error; it is tried again"),
    9609: (Refused, "Apple does not know this user"),
    9616: (Refused, "the licence is assigned already"),
    9621: (TokenExpired, f"the content token has expired: {_RENEW}"),
    9622: (TokenRefused, f"Apple does not know the content token: {_RENEW}"),
    9625: (TokenRefused, f"the content token was revoked: {_RENEW}"),
    9634: (ServiceRemoved, f"the organization no longer has Apps and Books: look in {_PORTAL}"),
    9646: (Throttled, "Apple was asked too often; it is tried again"),
    9650: (PageGone, "the list has changed while it was read; it is read again"),
    9700: (BadRequest, f"{_OURS}: too many assets at once"),
    9701: (BadRequest, f"{_OURS}: too many users at once"),
    9702: (BadRequest, f"{_OURS}: too many serial numbers at once"),
    9703: (BadRequest, f"{_OURS}: an asset twice"),
    9704: (BadRequest, f"{_OURS}: a user twice"),
    9705: (BadRequest, f"{_OURS}: a serial number twice"),
    9706: (NotAssignable, "licences of this asset cannot be taken back: books stay with people"),
    9707: (NotAssignable, "this asset cannot be assigned to devices"),
    9708: (EventUnknown, "Apple does not know the event any more"),
    9709: (NotEnough, f"there are not enough licences: buy more in {_PORTAL}"),
    9710: (NotificationRefused, "Apple wants a notification address together with a token"),
    9711: (NotificationRefused, "the notification address is too long for Apple"),
    9712: (NotificationRefused, "Apple takes https addresses only: see ZMDM_BASE_URL"),
    9713: (BadRequest, f"{_OURS}: the metadata of this server is too long"),
    9714: (BadRequest, f"{_OURS}: too many users at once"),
    9715: (BadRequest, f"{_OURS}: a user twice"),
    9716: (Refused, "a user with this name exists already"),
    9717: (Refused, "an email address is invalid"),
    9718: (BadRequest, f"{_OURS}: no asset in it"),
    9719: (BadRequest, f"{_OURS}: no serial number in it"),
    9720: (BadRequest, f"{_OURS}: no user in it"),
    9721: (VersionGone, "Apple knows the former state no more; everything is read again"),
    9722: (TokenRefused, f"Apple cannot read the content token: {_RENEW}"),
    9723: (BadRequest, f"{_OURS}: what names this server is incomplete"),
    9724: (BadRequest, f"{_OURS}: the id of this server is too long"),
    9725: (BadRequest, f"{_OURS}: the name of this server is too long"),
    9726: (BadRequest, f"{_OURS}: its method is not allowed"),
    9727: (BadRequest, f"{_OURS}: its content type is not allowed"),
    9728: (
        NotificationRefused,
        "Apple cannot reach this server at the notification address: is it on the internet, with "
        "a certificate that Apple trusts?",
    ),
}
"""Apple's numbers -> the error and what an operator is told."""


def words(number: int) -> str:
    """What an error of Apple's means, for operators."""
    return NUMBERS[number][1] if number in NUMBERS else f"Apple answered with error {number}"


def error(
    http_status: int, document: Mapping[str, Any], *, retry_after: int | None = None
) -> AppsBooksError:
    """The error that an answer is; an unknown number keeps its place in the message."""
    given = document.get("errorNumber")
    number = given if isinstance(given, int) and not isinstance(given, bool) else 0
    info = document.get("errorInfo")
    kind: type[AppsBooksError] = Refused
    message = f"Apple answered {http_status}"
    if number in NUMBERS:
        kind, message = NUMBERS[number]
    elif http_status == 429:
        kind, message = NUMBERS[9646]
    elif http_status >= 500:
        kind, message = ServiceDown, f"Apple's Apps and Books answered {http_status}"
    elif http_status == 401:
        kind, message = NUMBERS[9622]
    elif number:
        message = words(number)
    if number:
        message += f" ({number})"
    return kind(
        message,
        number=number,
        http_status=http_status,
        retry_after=retry_after,
        info=info if isinstance(info, Mapping) else None,
    )
