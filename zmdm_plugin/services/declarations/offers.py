"""What a channel is offered: the list that was handed out, and the one that follows it."""

from __future__ import annotations

from collections.abc import Mapping

from zmdm_plugin.db import session
from zmdm_plugin.models import Channel, ChannelDeclarations
from zmdm_plugin.services.declarations import entries, manifest
from zmdm_plugin.services.declarations.entries import Listed


def current(held: ChannelDeclarations) -> Mapping[str, Listed]:
    """By identifier, what is to be handed out at the next question."""
    return entries.effective(manifest.entries_of(held.manifest_id), held.overlay)


def handed_out(held: ChannelDeclarations) -> Mapping[str, Listed]:
    """By identifier, what the device was handed out last: fetches are answered from it."""
    return entries.effective(manifest.entries_of(held.offered_manifest_id), held.offered_overlay)


def handed_out_line(held: ChannelDeclarations, identifier: str) -> Listed | None:
    """One line of that list."""
    rows = manifest.entries_of(held.offered_manifest_id)
    return entries.find(rows, held.offered_overlay, identifier)


def line_of(channel: Channel, version_uid: str) -> Listed | None:
    """The line of a version in either list; None when it is offered no longer."""
    held = session().get(ChannelDeclarations, channel.id)
    if held is None:
        return None
    for lines in (handed_out(held), current(held)):
        for line in lines.values():
            if line.version == version_uid:
                return line
    return None
