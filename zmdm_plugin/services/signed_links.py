"""Signatures of links that devices follow without any other proof.

Their key comes from the sealing keys, for one purpose each; any key of the ring proves a link, so
that rotation breaks none that a device keeps.
"""

from __future__ import annotations

import hashlib
import hmac

from zmdm_plugin.state import state


def proof(purpose: str, *parts: str) -> str:
    """What belongs into a link with these parts."""
    return _proof(state().settings.sealing_keys[0], purpose, *parts)


def holds(given: str, purpose: str, *parts: str) -> bool:
    """Whether we made the link with this proof."""
    return given.isascii() and any(
        hmac.compare_digest(given, _proof(key, purpose, *parts))
        for key in state().settings.sealing_keys
    )


def _proof(key: bytes, purpose: str, *parts: str) -> str:
    derived = hmac.digest(key, purpose.encode(), "sha256")
    return hmac.new(derived, "/".join(parts).encode(), hashlib.sha256).hexdigest()[:40]
