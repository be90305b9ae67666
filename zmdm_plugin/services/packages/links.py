"""Signed links to the file of a package and to its manifest, each for one channel.

In a command they hold until a moment that they name; in a declaration they name none, and hold as
long as the channel is offered the version.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from zmdm_plugin.services import signed_links
from zmdm_plugin.state import state

_PURPOSE = "zmdm links to packages"
FOR_EVER = "0"

What = Literal["manifest", "file"]


def url(
    channel_uid: str, version_uid: str, what: What, *, until: datetime | None, ending: str
) -> str:
    """The address for one channel; `until` None: as long as it is declared."""
    moment = str(int(until.timestamp())) if until is not None else FOR_EVER
    proof = signed_links.proof(_PURPOSE, channel_uid, version_uid, moment, what)
    base = f"{state().settings.device_url}/public/mdm/packages"
    return f"{base}/{channel_uid}/{version_uid}/{moment}/{what}.{proof}.{ending}"


def holds(
    channel_uid: str, version_uid: str, moment: str, name: str, *, now: datetime
) -> What | None:
    """What a link of ours leads to; None for one that is not ours, or whose time is over."""
    what, _, rest = name.partition(".")
    proof, _, _ending = rest.partition(".")
    if not signed_links.holds(proof, _PURPOSE, channel_uid, version_uid, moment, what):
        return None
    if moment != FOR_EVER and int(moment) < now.timestamp():
        return None
    return "manifest" if what == "manifest" else "file"
