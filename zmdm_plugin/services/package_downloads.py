"""What links to packages lead to: the manifest, or where the file is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import NotFound
from zmdm_plugin.models import ArtifactVersion, Channel, Package
from zmdm_plugin.protocol import plist
from zmdm_plugin.protocol.packages.values import PKG
from zmdm_plugin.services.declarations import offers
from zmdm_plugin.services.packages import links, packages

_GONE = "there is nothing here"
MANIFEST = "application/xml"
FILE = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file in the storage."""

    sha256: str
    size: int
    content_type: str = FILE


def find(
    channel_uid: str, version_uid: str, moment: str, name: str, *, now: datetime
) -> bytes | File:
    """A manifest or a file; NotFound unless the link is ours and still holds."""
    what = links.holds(channel_uid, version_uid, moment, name, now=now)
    channel = session().scalar(sa.select(Channel).where(Channel.uid == channel_uid))
    if what is None or channel is None:
        raise NotFound(_GONE)
    if channel.ended_at is not None or channel.device.dismissed:
        raise NotFound(_GONE)
    if moment == links.FOR_EVER and offers.line_of(channel, version_uid) is None:
        raise NotFound(_GONE)
    package = session().scalar(
        sa.select(Package)
        .join(ArtifactVersion, ArtifactVersion.package_id == Package.id)
        .where(ArtifactVersion.uid == version_uid)
    )
    if package is None:
        raise NotFound(_GONE)
    if what == "file":
        return File(sha256=package.sha256, size=package.size)
    until = None if moment == links.FOR_EVER else datetime.fromtimestamp(int(moment), tz=now.tzinfo)
    ending = "pkg" if package.kind == PKG else "ipa"
    url = links.url(channel_uid, version_uid, "file", until=until, ending=ending)
    return plist.dumps(dict(packages.manifest(package, url)))
