"""Whose certificates a client believes."""

from __future__ import annotations

import ssl
from functools import lru_cache


@lru_cache(maxsize=64)
def roots(ca_pem: str = "", *, protocol: str = "http") -> ssl.SSLContext:
    """The TLS context of clients: these roots (PEM), or the system's; not to be changed.

    One for each protocol, since HTTP clients note in theirs what they speak (ALPN), which a mail
    server or a directory may refuse.

    Reading the system's roots costs 50 ms of CPU, more than most requests, so a process does it
    once; it takes up roots that were added when it starts again. ssl.SSLError: no PEM.
    """
    return ssl.create_default_context(cadata=ca_pem or None)
