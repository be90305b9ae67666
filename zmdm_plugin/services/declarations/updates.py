"""Software updates as declarations: what was chosen for a device, in the list of its channel."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from zmdm_plugin.models import Channel
from zmdm_plugin.protocol.ddm import Kind
from zmdm_plugin.services.declarations.entries import Listed
from zmdm_plugin.services.software_updates import advertised


def settle(channel: Channel, *, now: datetime) -> None:
    """Choose anew where nothing is declared: what was enforced ends with the blueprint."""
    if channel.kind == "device":
        advertised.refresh(channel.device, now=now)


def lines(channel: Channel, refusal: Callable[[str], str | None], *, now: datetime) -> list[Listed]:
    """The enforcements for this channel; none where the client does not take them."""
    if channel.kind != "device":
        return []
    advertised.refresh(channel.device, now=now)
    return [
        Listed(
            Kind.CONFIGURATION,
            one.identifier,
            one.server_token,
            extra={"type": one.type, "payload": dict(one.payload)},
        )
        for one in advertised.for_channel(channel)
        if refusal(one.type) is None
    ]
