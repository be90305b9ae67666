"""Typed reading of the dictionaries that devices send: each fault names the key it is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zmdm_plugin.errors import ProtocolError

#: Identifiers and other strings that decide something; a longer one is refused.
MAX_IDENTIFIER = 255
#: Names that are only shown; a longer one is cut, for a long name must not stop an enrollment.
MAX_NAME = 255
#: Push tokens have 32 bytes today and Apple says not to rely on it.
MAX_TOKEN = 1024
#: Unlock and bootstrap tokens, and other opaque data of a check-in.
MAX_DATA = 256 * 1024


class FieldError(ProtocolError):
    """A key is missing, has the wrong type, or is too long; `key` names it."""

    def __init__(self, key: str, why: str) -> None:
        self.key = key
        super().__init__(f"{key} {why}.")


def text(body: Mapping[str, Any], key: str, limit: int = MAX_IDENTIFIER) -> str | None:
    """An optional string; an empty one counts as absent, as Apple's clients mean it."""
    value = body.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise FieldError(key, "must be a string")
    if len(value) > limit:
        raise FieldError(key, f"is longer than {limit} characters")
    return value


def name(body: Mapping[str, Any], key: str) -> str | None:
    """An optional string that is only shown, cut at MAX_NAME characters."""
    value = body.get(key)
    if value is not None and not isinstance(value, str):
        raise FieldError(key, "must be a string")
    return value[:MAX_NAME] or None if value else None


def required_text(body: Mapping[str, Any], key: str, limit: int = MAX_IDENTIFIER) -> str:
    """A string that must be there and not be empty."""
    if (value := text(body, key, limit)) is None:
        raise FieldError(key, "is missing")
    return value


def data(body: Mapping[str, Any], key: str, limit: int = MAX_DATA) -> bytes | None:
    """Optional bytes; empty ones count as absent."""
    value = body.get(key)
    if value is None or value == b"":
        return None
    if not isinstance(value, bytes):
        raise FieldError(key, "must be data")
    if len(value) > limit:
        raise FieldError(key, f"is longer than {limit} bytes")
    return value


def required_data(body: Mapping[str, Any], key: str, limit: int = MAX_DATA) -> bytes:
    """Bytes that must be there and not be empty."""
    if (value := data(body, key, limit)) is None:
        raise FieldError(key, "is missing")
    return value


def flag(body: Mapping[str, Any], key: str) -> bool | None:
    """An optional boolean; None if the device did not say."""
    value = body.get(key)
    if value is not None and not isinstance(value, bool):
        raise FieldError(key, "must be a boolean")
    return value


def mapping(body: Mapping[str, Any], key: str) -> dict[str, Any]:
    """An optional dictionary; empty if absent."""
    value = body.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise FieldError(key, "must be a dictionary")
    return value
