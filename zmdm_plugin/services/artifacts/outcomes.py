"""What became of artifacts on a channel, read: the rows, their reasons, and what waits for what."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import Channel, ChannelArtifact
from zmdm_plugin.services.artifacts.compiled import Compiled


def rows_of(channel: Channel) -> dict[int, ChannelArtifact]:
    """What became of artifacts on a channel, by artifact."""
    rows = session().scalars(
        sa.select(ChannelArtifact).where(ChannelArtifact.channel_id == channel.id)
    )
    return {row.artifact_id: row for row in rows}


def told(row: ChannelArtifact) -> list[str]:
    """What the device gave as reasons, in its words."""
    found = []
    for reason in row.reasons or ():
        text = reason.get("description") or reason.get("code") if isinstance(reason, dict) else None
        if text:
            found.append(str(text))
    return found


def joined(row: ChannelArtifact) -> str:
    """The same as one part of a sentence."""
    parts = [part.rstrip(".") for part in told(row)]
    return "; ".join(parts) or "no reason was given"


def obstacle(row: ChannelArtifact | None, code: str) -> str | None:
    """Our own words for why it is held back, if it is for this reason."""
    for reason in (row.reasons if row is not None else None) or ():
        if isinstance(reason, dict) and reason.get("code") == code:
            return str(reason.get("description") or code)
    return None


def waits_for(
    artifact_id: int, *, rows: Mapping[int, ChannelArtifact], known: Compiled | None
) -> list[str]:
    """The names of what an artifact needs and is not there; what is declared comes by itself."""
    item = known.items.get(artifact_id) if known is not None else None
    if item is None or known is None or (artifact_id in rows and _there(rows[artifact_id])):
        return []
    return [
        known.items[one].name
        for one in item.requires
        if one in known.items and not (one in rows and _there(rows[one]))
    ]


def _there(row: ChannelArtifact) -> bool:
    return row.installed_version_id is not None or row.status == "installed"
