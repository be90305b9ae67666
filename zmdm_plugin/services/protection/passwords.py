"""Passwords that are drawn: easy to type where a keyboard is in the way, hard to guess anywhere."""

from __future__ import annotations

import re
import secrets

_CLEAR = "23456789abcdefghjkmnpqrstuvwxyz"
"""Nothing that looks like something else, on any keyboard layout's unshifted keys or close to."""
_TYPED = re.compile(r"[ -~]{8,32}\Z")
TYPED = "must be 8 to 32 characters that any keyboard has"
_PLAIN = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"


def can_be_typed(password: str) -> bool:
    """Whether people can type it at a start screen, as `TYPED` says."""
    return _TYPED.match(password) is not None


def recovery() -> str:
    """Twelve letters and digits: typed at a start screen that knows one keyboard layout."""
    return "".join(secrets.choice(_PLAIN) for _ in range(12))


def administrator(*, groups: int = 4) -> str:
    """Groups of six (four of them: 118 bits), read out over a telephone."""
    return "-".join("".join(secrets.choice(_CLEAR) for _ in range(6)) for _ in range(groups))
