"""What the links in declarations lead to, for the channel they were made for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import undefer

from zmdm_plugin.db import session
from zmdm_plugin.errors import NotFound
from zmdm_plugin.models import Artifact, ArtifactVersion, Channel
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol.mobileconfig import CONTENT_TYPE as PROFILE
from zmdm_plugin.services import app_configuration, vault
from zmdm_plugin.services.declarations import app_assets, credentials, links, offers

Render = Callable[[ArtifactVersion, Channel], bytes]
_GONE = "there is nothing here"


class Download(NamedTuple):
    body: bytes
    content_type: str


def find(channel_uid: str, version_uid: str, name: str, *, profile: Render) -> Download:
    """The content behind a link; NotFound unless it is ours, and still offered to its channel.

    `profile` renders a version of a configuration profile for a channel.
    """
    if not links.holds(channel_uid, version_uid, name):
        raise NotFound(_GONE)
    channel = session().scalar(sa.select(Channel).where(Channel.uid == channel_uid))
    if channel is None or channel.ended_at is not None or channel.device.dismissed:
        raise NotFound(_GONE)
    line = offers.line_of(channel, version_uid)
    row = (
        session()
        .execute(
            sa.select(Artifact.type, ArtifactVersion)
            .join(Artifact, Artifact.id == ArtifactVersion.artifact_id)
            .where(ArtifactVersion.uid == version_uid)
            .options(undefer(ArtifactVersion.source))
        )
        .one_or_none()
    )
    if line is None or row is None:
        raise NotFound(_GONE)
    kind, version = row
    if kind == "profile":
        return Download(profile(version, channel), PROFILE)
    if kind == "cert_asset":
        values: Mapping[str, str] = line.extra.get("values") or {}
        body = credentials.scep(version, channel, values=values, now=utcnow())
        return Download(body, credentials.CONTENT_TYPE)
    if line.extra.get(app_assets.CONFIGURED):
        return Download(app_assets.content(version, line), app_configuration.CONTENT_TYPE)
    source = vault.unseal(version, "source")
    if kind != "data_asset" or source is None:
        raise NotFound(_GONE)
    return Download(source, version.content_type or "application/octet-stream")
