"""Passwords of local accounts: scrypt, its costs beside each hash so that they may grow.

https://www.rfc-editor.org/rfc/rfc7914
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

from zmdm_plugin.errors import Refused

LEAST, MOST = 8, 256
"""Characters of a password; far more than 256 would only cost time."""
_LOG_N, _R, _P = 15, 8, 1
"""32 MiB and some 80 ms."""
_BYTES = 32


def hashed(password: str) -> str:
    """A new hash; Refused names `password`."""
    if not LEAST <= len(password) <= MOST:
        raise Refused("password", f"must have {LEAST} to {MOST} characters")
    salt = secrets.token_bytes(16)
    key = _derived(password, salt, _LOG_N, _R, _P)
    return f"scrypt${_LOG_N}${_R}${_P}${_text(salt)}${_text(key)}"


def matches(password: str, stored: str | None) -> bool:
    """Whether it is the password; without a hash the same time passes, and it is not."""
    kind, _, rest = (stored or _NOBODYS).partition("$")
    try:
        log_n, r, p, salt, key = rest.split("$")
        wanted = base64.b64decode(key, validate=True)
        costs = int(log_n), int(r), int(p)
        given = _derived(password[: MOST + 1], base64.b64decode(salt, validate=True), *costs)
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(given, wanted) and kind == "scrypt" and stored is not None


def _derived(password: str, salt: bytes, log_n: int, r: int, p: int) -> bytes:
    data = password.encode("utf-8", "surrogatepass")
    memory = 256 * r * 2**log_n
    return hashlib.scrypt(data, salt=salt, n=2**log_n, r=r, p=p, maxmem=memory, dklen=_BYTES)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


_NOBODYS = f"scrypt${_LOG_N}${_R}${_P}${_text(bytes(16))}${_text(bytes(_BYTES))}"
