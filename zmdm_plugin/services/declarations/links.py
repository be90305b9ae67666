"""Signed links to what declarations point at: a profile, the data of an asset, a credential.

A link names channel, version and content, and no time: it holds as long as the channel is offered
that version. Its key comes from the sealing keys; any key of the ring proves it, so that rotation
breaks no link that a device keeps.
"""

from __future__ import annotations

import hashlib
import hmac

from zmdm_plugin.state import state

_PURPOSE = b"zmdm links in declarations"
_HASH = 16


def url(channel_uid: str, version_uid: str, sha256: str) -> str:
    """The address for one channel; `sha256` (hex) is that of the version's source."""
    settings = state().settings
    name = sha256[:_HASH]
    proof = _proof(settings.sealing_keys[0], channel_uid, version_uid, name)
    return f"{settings.device_url}/public/mdm/ddm/{channel_uid}/{version_uid}/{name}.{proof}"


def holds(channel_uid: str, version_uid: str, name: str) -> bool:
    """Whether we made the link with this last part."""
    content, _, proof = name.partition(".")
    return proof.isascii() and any(
        hmac.compare_digest(proof, _proof(key, channel_uid, version_uid, content))
        for key in state().settings.sealing_keys
    )


def _proof(key: bytes, *parts: str) -> str:
    derived = hmac.digest(key, _PURPOSE, "sha256")
    return hmac.new(derived, "/".join(parts).encode(), hashlib.sha256).hexdigest()[:40]
