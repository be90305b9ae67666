"""Store apps wait for their licence, which jobs ask for ahead of need; told in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from zmdm_plugin.models import Channel
from zmdm_plugin.services import licence_standing
from zmdm_plugin.services.artifacts.resolve import Chosen


def missing(channel: Channel, chosen: Iterable[Chosen]) -> Mapping[int, str]:
    """By artifact, why its licence is not there; one statement where all of them are."""
    wanted = {
        one.item.id: one.version.location_asset
        for one in chosen
        if one.version.location_asset is not None
    }
    device = channel.device
    lacking = licence_standing.missing(
        device.serial_number, set(wanted.values()), personal=bool(device.user_enrollment)
    )
    return {
        artifact_id: lacking[location_asset]
        for artifact_id, location_asset in wanted.items()
        if location_asset in lacking
    }
