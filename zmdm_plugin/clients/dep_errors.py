"""What goes wrong between us and Apple's device assignment service, each with a name.

DepError
├── Refused                a 4xx that says why, by code
│   ├── TermsNotSigned, AccessDenied, Forbidden, TokenRefused, BetaTurnedOff
│   ├── CursorError: InvalidCursor, ExpiredCursor, ExhaustedCursor, CursorRequired
│   ├── ProfileRejected, UnknownProfile, UnknownDevice, NotAccessible
│   └── BadRequest: UserAgentRefused, VersionRefused
├── Throttled              try again after `retry_after` seconds
├── ServiceDown            5xx
├── Unreachable            no answer: network, TLS, time
└── Unreadable             an answer that is none
https://developer.apple.com/documentation/devicemanagement/dep-server-interpreting-error-codes
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from zmdm_plugin.errors import ZmdmError

_WORD: Final = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*")
_LONGEST: Final = 64


class DepError(ZmdmError):
    """The message is for operators; `code` is Apple's word, empty if there was none.

    `transient` says that the same request may succeed later without anybody's doing.
    """

    status = 503
    transient = False

    def __init__(
        self, message: str, *, code: str = "", http_status: int = 0, retry_after: int | None = None
    ) -> None:
        self.code = code
        self.http_status = http_status
        self.retry_after = retry_after
        super().__init__(message)


class Refused(DepError):
    """Apple said no and why; asking again changes nothing."""

    status = 409


class TermsNotSigned(Refused):
    """Somebody has to accept new terms and conditions in the portal; until then nothing works."""


class AccessDenied(Refused):
    """This token may not make this request."""


class Forbidden(Refused):
    """The session was refused, and a new one as well."""


class TokenRefused(Refused):
    """The server token is unknown, expired or revoked, or our clock is wrong.

    `skew` is how far our clock is ahead of Apple's, if it is far.
    """

    skew: timedelta | None = None


class BetaTurnedOff(Refused):
    """The organization has turned beta enrollment off."""


class CursorError(Refused):
    """The cursor is no good; which error says how to go on."""


class InvalidCursor(CursorError):
    """Never given, or for another request: fetch everything again."""


class ExpiredCursor(CursorError):
    """Older than seven days: fetch everything again."""


class ExhaustedCursor(CursorError):
    """Everything up to this cursor has been given: keep it, there is nothing new."""


class CursorRequired(CursorError):
    """A sync needs a cursor from a fetch."""


class ProfileRejected(Refused):
    """A value of the enrollment profile; `field` is its name on the wire, if the code tells."""

    field: str = ""


class UnknownProfile(Refused):
    """Apple does not know the profile (any more)."""


class UnknownDevice(Refused):
    """Apple does not know the device, or not as what was asked about."""


class NotAccessible(Refused):
    """The device belongs to another service or organization."""


class BadRequest(Refused):
    """A request that Apple cannot read: our own fault."""


class UserAgentRefused(BadRequest):
    """The name that the client gives itself is missing or not allowed."""


class VersionRefused(BadRequest):
    """No version of the protocol that we speak is accepted."""


class Throttled(DepError):
    """Too many requests; `retry_after` is in seconds, None if Apple did not say."""

    transient = True


class ServiceDown(DepError):
    """The service has a fault of its own."""

    transient = True


class Unreachable(DepError):
    """No answer came; `unsent` says that the request never left, so that nothing was done."""

    transient = True
    unsent = False


class Unreadable(DepError):
    """The answer is not what was asked for, e.g. the sign-in page of a network."""

    transient = True


_TERMS = "the terms and conditions are not accepted: an administrator has to sign in to the portal"
_Meaning = tuple[type[Refused], str]
_CODES: Final[dict[str, _Meaning]] = {
    "T_C_NOT_SIGNED": (TermsNotSigned, _TERMS),
    "ACCESS_DENIED": (AccessDenied, "the server token may not do this"),
    "FORBIDDEN": (Forbidden, "Apple refuses the session, and a new one as well"),
    "UNAUTHORIZED": (TokenRefused, "Apple refuses the server token: renew it"),
    "APPLE_SEED_FOR_IT_TURNED_OFF": (BetaTurnedOff, "beta enrollment is turned off in the portal"),
    "INVALID_CURSOR": (InvalidCursor, "Apple does not know the cursor"),
    "EXPIRED_CURSOR": (ExpiredCursor, "the cursor is older than seven days"),
    "EXHAUSTED_CURSOR": (ExhaustedCursor, "there is nothing new since the cursor"),
    "CURSOR_REQUIRED": (CursorRequired, "a sync needs a cursor"),
    "DEVICE_NOT_FOUND": (UnknownDevice, "Apple does not know the device"),
    "NOT_ACCESSIBLE": (NotAccessible, "the device is not assigned to this service"),
    "PROFILE_NOT_FOUND": (UnknownProfile, "Apple does not know the profile"),
    "DEVICE_ID_REQUIRED": (BadRequest, "the request names no device"),
    "PROFILE_UUID_REQUIRED": (BadRequest, "the request names no profile"),
    "MALFORMED_REQUEST_BODY": (BadRequest, "Apple cannot read the request"),
    "USER_AGENT_MISSING": (UserAgentRefused, "the request has no User-Agent"),
    "USER_AGENT_INVALID": (UserAgentRefused, "Apple does not accept the User-Agent"),
    "UNSUPPORTED_PROTOCOL_VERSION": (VersionRefused, "Apple does not speak this version"),
}
_FIELDS: Final = {
    "CONFIG_NAME": "profile_name",
    "CONFIG_URL": "url",
    "DEPARTMENT": "department",
    "FLAGS": "is_mdm_removable",
    "LOCALE": "language",
    "MAGIC": "org_magic",
    "SUPPORT_EMAIL": "support_email_address",
    "SUPPORT_PHONE": "support_phone_number",
}
_BY_STATUS: Final[dict[int, _Meaning]] = {
    401: _CODES["UNAUTHORIZED"],
    403: _CODES["FORBIDDEN"],
    404: (Refused, "Apple knows nothing there"),
}


def code_of(body: bytes) -> str:
    """Apple's word in an error's body, bare, quoted or in JSON; a known one counts first."""
    words: list[str] = _WORD.findall(body[:2048].decode("latin-1"))
    known = next((word for word in words if word in _CODES or _rejected(word)), None)
    likely = next((word for word in words if "_" in word), "")
    return (known or likely)[:_LONGEST]


def error(status: int, code: str, *, path: str = "", retry_after: int | None = None) -> DepError:
    """The error that a status (400 and above) and Apple's word stand for.

    `path` tells what a bare 404 is about.
    """
    if status == 429 or code == "THROTTLED":
        return Throttled(
            "Apple asks to wait", code=code, http_status=status, retry_after=retry_after
        )
    if status >= 500:
        message = f"Apple's device assignment service answered {status}"
        return ServiceDown(message, code=code, http_status=status, retry_after=retry_after)
    if field := _rejected(code):
        rejected = ProfileRejected(
            f"Apple refuses the enrollment profile: {code}", code=code, http_status=status
        )
        rejected.field = field
        return rejected
    kind, message = _CODES.get(code) or _by_status(status, code, path)
    shown = f"{message}: {code}" if code and code not in _CODES else message
    return kind(shown, code=code, http_status=status)


def _by_status(status: int, code: str, path: str) -> _Meaning:
    if "PROTOCOL_VERSION" in code:  # how Apple spells it is not documented
        return _CODES["UNSUPPORTED_PROTOCOL_VERSION"]
    if status == 404 and path.startswith("/profile"):
        return _CODES["PROFILE_NOT_FOUND"]
    unknown: _Meaning = (BadRequest, f"Apple refuses the request ({status})")
    return _BY_STATUS.get(status, unknown)


def _rejected(code: str) -> str:
    """The field of a profile that a code is about, empty if about none."""
    stem, _, what = code.rpartition("_")
    return _FIELDS.get(stem, "") if what in ("REQUIRED", "INVALID") else ""


def may_be_done(error: Exception) -> bool:
    """Whether Apple may have done what it was asked for: it was asked, and did not refuse."""
    sent = isinstance(error, ServiceDown | Unreachable | Unreadable)
    return sent and not getattr(error, "unsent", False)
