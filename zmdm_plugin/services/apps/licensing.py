"""Store apps wait for their licence: asked for when they are first wanted, told in words."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import Channel, Licence
from zmdm_plugin.services.apps_books import licences
from zmdm_plugin.services.artifacts.delivery import Delivery

CODE = "Licence"
"""Of the reason that is kept while a licence is missing."""


def missing(channel: Channel, deliver: Delivery) -> Mapping[int, str]:
    """By artifact, why its licence is not there; one statement where all of them are."""
    wanted = {
        one.item.id: one.version.location_asset
        for one in deliver.resolution.chosen
        if one.version.location_asset is not None
    }
    if not wanted:
        return {}
    serial = channel.device.serial_number
    if not serial:
        return dict.fromkeys(wanted, "the device has not told its serial number")
    held = set(
        session().scalars(
            sa.select(Licence.location_asset_id).where(
                Licence.serial_number == serial,
                Licence.location_asset_id.in_(set(wanted.values())),
                Licence.held,
            )
        )
    )
    found = {}
    for artifact_id, location_asset_id in wanted.items():
        if location_asset_id in held:
            continue
        licences.need(location_asset_id, [serial])
        found[artifact_id] = f"it waits for a licence: {_why(location_asset_id, serial)}"
    return found


def _why(location_asset_id: int, serial: str) -> str:
    return licences.standing(location_asset_id, serial).why
