"""Passwords of local accounts on a Mac, as Apple wants them: salted, hashed, never in the clear.

https://developer.apple.com/documentation/devicemanagement/passwordhash
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

from zmdm_plugin.protocol import plist

ITERATIONS: Final = 40_000
"""The upper end of what Apple names; 30 ms of a server's time."""
_SALT, _ENTROPY = 32, 128


def password_hash(
    password: str, *, salt: bytes | None = None, iterations: int = ITERATIONS
) -> bytes:
    """The property list that goes into `passwordHash`; a fresh salt unless one is given."""
    salt = salt or secrets.token_bytes(_SALT)
    entropy = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations, _ENTROPY)
    inner = {"entropy": entropy, "salt": salt, "iterations": iterations}
    return plist.dumps({"SALTED-SHA512-PBKDF2": inner})
