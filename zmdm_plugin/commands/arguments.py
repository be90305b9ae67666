"""Argument fields that several commands share."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import marshmallow as ma

from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol import plist
from zmdm_plugin.protocol.platform import Platform

#: ASCII digits only: \\d takes Arabic-Indic ones, and $ a newline.
SIX_DIGITS = ma.validate.Regexp(r"[0-9]{6}\Z", error="Six digits, 0 to 9.")
MAX_PROFILE = 16 * 1024 * 1024
#: First versions that list only what device management has installed, by platform.
MANAGED_ONLY_SINCE = {
    Platform.IOS: "13.0",
    Platform.MACOS: "10.15",
    Platform.TVOS: "13.0",
    Platform.VISIONOS: "1.1",
    Platform.WATCHOS: "10.0",
}


class Base64(ma.fields.Field[bytes]):
    """Bytes, as base64 in JSON."""

    default_error_messages = {"invalid": "Not base64."}

    def _serialize(self, value: bytes | None, attr: str | None, obj: Any, **_: Any) -> str | None:
        return None if value is None else base64.b64encode(value).decode("ascii")

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any
    ) -> bytes:
        if isinstance(value, bytes):
            return value
        try:
            return base64.b64decode("".join(value.split()), validate=True)
        except (AttributeError, ValueError, binascii.Error):
            raise self.make_error("invalid") from None


def described(text: str, **extra: Any) -> dict[str, Any]:
    """Field metadata: OpenAPI and the admin forms show the description."""
    return {"description": text, **extra}


def managed_only() -> ma.fields.Boolean:
    """The argument of the three list commands."""
    return ma.fields.Boolean(
        load_default=False,
        metadata=described("Only what device management has installed."),
    )


def storable(text: Any) -> None:
    """A validator: what no property list can say must not wait in a queue to be found out."""
    try:
        plist.dumps(text)
    except ProtocolError:
        raise ma.ValidationError("Characters that cannot be sent.") from None
