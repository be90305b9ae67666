"""Signed links to what declarations point at: a profile, the data of an asset, a credential.

A link names channel, version and content, and no time: it holds as long as the channel is offered
that version.
"""

from __future__ import annotations

from zmdm_plugin.services import signed_links
from zmdm_plugin.state import state

_PURPOSE = "zmdm links in declarations"
_HASH = 16


def url(channel_uid: str, version_uid: str, sha256: str) -> str:
    """The address for one channel; `sha256` (hex) is that of the version's source."""
    name = sha256[:_HASH]
    proof = signed_links.proof(_PURPOSE, channel_uid, version_uid, name)
    return (
        f"{state().settings.device_url}/public/mdm/ddm/{channel_uid}/{version_uid}/{name}.{proof}"
    )


def holds(channel_uid: str, version_uid: str, name: str) -> bool:
    """Whether we made the link with this last part."""
    content, _, proof = name.partition(".")
    return signed_links.holds(proof, _PURPOSE, channel_uid, version_uid, content)
