"""Where a lost device was: read from the sealed answers to DeviceLocation, and from nowhere else.

Nothing is copied, so that a place is forgotten together with the command that asked for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import undefer

from zmdm_plugin.actors import Actor
from zmdm_plugin.commands import answers as reading
from zmdm_plugin.db import session
from zmdm_plugin.errors import NotFound, ProtocolError
from zmdm_plugin.models import ChannelCommand, Device
from zmdm_plugin.protocol import plist
from zmdm_plugin.services import access, answers, audit

VIEW_LOCATION = "mdm.view_device_location"
COMMAND = "DeviceLocation"
_MOST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One answer: degrees (WGS 84), metres, metres per second; negative accuracies are unknown."""

    latitude: float
    longitude: float
    accuracy: float | None
    altitude: float | None
    speed: float | None
    course: float | None
    measured_at: str | None
    """As the device writes it: RFC 3339."""
    answered_at: datetime
    command_uuid: str


def places(actor: Actor, device: Device) -> list[Place]:
    """The last places of a device, the newest first; Denied, or NotFound with what to do.

    That they were looked at is in the audit.
    """
    access.demand(actor, VIEW_LOCATION, device)
    found = [place for row in _answered(device) if (place := _place(row)) is not None]
    if not found:
        raise NotFound(
            "no location is known; turn Lost Mode on, and the device is asked where it is"
        )
    audit.record(actor, "device.view_location", device, reason=f"command {found[0].command_uuid}")
    return found


def is_known(device: Device) -> bool:
    """Whether there is something to look at; says nothing about it."""
    return (
        session().scalar(_query(device).with_only_columns(ChannelCommand.id).limit(1)) is not None
    )


def _query(device: Device) -> sa.Select[ChannelCommand]:
    return (
        sa.select(ChannelCommand)
        .where(
            ChannelCommand.device_id == device.id,
            ChannelCommand.name == COMMAND,
            ChannelCommand.state == "acknowledged",
        )
        .order_by(ChannelCommand.id.desc())
    )


def _answered(device: Device) -> list[ChannelCommand]:
    query = _query(device).options(undefer(ChannelCommand.result)).limit(_MOST)
    return list(session().scalars(query))


def _place(command: ChannelCommand) -> Place | None:
    """What one answer says; None where it lacks the place itself."""
    try:
        body = plist.load_dict(answers.result_of(command) or b"")
    except ProtocolError:
        return None
    latitude = reading.number(body.get("Latitude"))
    longitude = reading.number(body.get("Longitude"))
    if latitude is None or longitude is None or command.answered_at is None:
        return None
    return Place(
        latitude=latitude,
        longitude=longitude,
        accuracy=reading.number(body.get("HorizontalAccuracy")),
        altitude=reading.number(body.get("Altitude")),
        speed=reading.number(body.get("Speed")),
        course=reading.number(body.get("Course")),
        measured_at=reading.text(body.get("Timestamp"), 64),
        answered_at=command.answered_at,
        command_uuid=command.uid,
    )
