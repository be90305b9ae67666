"""Secrets that we give out as text, and what they are looked up by."""

from __future__ import annotations

import hashlib
import secrets


def new_secret() -> str:
    """256 random bits, in characters that any URL, plist and CSR takes."""
    return secrets.token_urlsafe(32)


def hashed(secret: str) -> str:
    """What a secret is looked up by: SHA-256, hex; enough for 256 random bits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
