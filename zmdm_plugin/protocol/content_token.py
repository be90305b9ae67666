"""The content token of a location of Apps & Books: a `.vpptoken`, base64 around JSON.

https://developer.apple.com/documentation/devicemanagement/managing-apps-and-books-through-web-services
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from zmdm_plugin.errors import ProtocolError

MAX_SIZE: Final = 64 * 1024
"""Bytes of an upload; a real one has less than a thousand."""
_LONGEST: Final = 4096
_ORGANIZATION: Final = 256
_WHAT: Final = "upload the .vpptoken file as Apple Business or School Manager gave it"


class BadContentToken(ProtocolError):
    """The file is no content token, or is damaged; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentToken:
    """What proves to Apple that we may manage a location, good for a year."""

    text: str = field(repr=False)
    """The whole file, which is sent as the bearer token."""
    organization: str
    expires_at: datetime

    @property
    def digest(self) -> str:
        """SHA-256, hex: the same file twice is found by it."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def parse(upload: bytes) -> ContentToken:
    """Read the file; BadContentToken says why it is none."""
    if len(upload) > MAX_SIZE:
        raise BadContentToken(f"the file is too long for a content token: {_WHAT}")
    text = b"".join(upload.removeprefix(b"\xef\xbb\xbf").split())
    try:
        document = json.loads(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise BadContentToken(f"this is not a content token: {_WHAT}") from None
    if not isinstance(document, dict) or not _plain(document.get("token")):
        raise BadContentToken(f"the file holds no token: {_WHAT}")
    organization = document.get("orgName")
    if not isinstance(organization, str) or "\0" in organization:
        organization = ""
    return ContentToken(
        text=text.decode("ascii"),
        organization=organization[:_ORGANIZATION],
        expires_at=moment(document.get("expDate")),
    )


def moment(value: Any) -> datetime:
    """A date as Apple writes it (`2027-01-31T08:00:00+0000`), or BadContentToken."""
    try:
        found = datetime.fromisoformat(value)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise BadContentToken("the token's expiration date is no date") from None


def _plain(value: Any) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value) <= _LONGEST
        and value.isascii()
        and value.isprintable()
    )
