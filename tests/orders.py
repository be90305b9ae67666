"""Orders for devices on the road, one message at a time, and time that has passed for them.

quiet(road, mac)                             # the base inventory is done, nothing waits
uuid = order(road, mac, "SecurityInfo")      # as an operator orders it
line = Line(mac)                             # says one thing at a time
line.idle()                                  # -> "SecurityInfo", or None for an empty body
line.say("NotNow")                           # about the command it was given last
later(road, mac, 31)                         # all that happened so far is 31 seconds older
look(road, uuid).state                       # the row, detached
"""

from __future__ import annotations

import plistlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import sqlalchemy as sa

from tests.hosts import ADMINISTRATOR
from tests.road import Road
from zmdm_plugin.models import Channel, ChannelCommand, Device
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import command_queue
from zmdm_plugin.services.protection import tasks
from zmdm_plugin.services.protection.values import BYPASS_CODE
from zmdm_simulator import checkins
from zmdm_simulator.conversation import dumps, idle
from zmdm_simulator.device import SimulatedDevice


def order(
    road: Road,
    device: SimulatedDevice,
    name: str,
    args: Mapping[str, Any] | None = None,
    *,
    key: str = "",
    **options: Any,
) -> str:
    """Queue a command as an operator does; returns its CommandUUID."""
    with road.rows():
        channel = road.channel(device, key)
        row = command_queue.enqueue(channel, name, args or {}, actor=ADMINISTRATOR, **options)
        return row.uid


def look(road: Road, uuid: str) -> ChannelCommand:
    """The row of a command as it is now."""
    with road.rows() as session:
        found = sa.select(ChannelCommand).where(ChannelCommand.uid == uuid)
        row = session.scalars(found.options(sa.orm.undefer("*"))).one()
        session.expunge(row)
        return row


def quiet(road: Road, device: SimulatedDevice) -> SimulatedDevice:
    """Let the base inventory be asked and answered, so that only a test's orders wait."""
    device.connect()
    asked_for_its_code(road, device)
    assert device.connect().request_types == []
    return device


def asked_for_its_code(road: Road, device: SimulatedDevice) -> None:
    """As if the code of its Activation Lock had been asked for, as it is after some minutes."""
    with road.rows():
        tasks.done(road.row(device), BYPASS_CODE)
        road.channel(device).plan_due_at = utcnow()


def later(road: Road, device: SimulatedDevice, seconds: float) -> None:
    """Make everything about this device that many seconds older."""
    with road.rows() as session:
        row = road.row(device)
        rows: list[Any] = [row]
        rows += session.scalars(sa.select(Channel).where(Channel.device_id == row.id))
        orders = sa.select(ChannelCommand).where(ChannelCommand.device_id == row.id)
        rows += session.scalars(orders)
        for one in rows:
            _age(one, timedelta(seconds=seconds))


def _age(row: Channel | ChannelCommand | Device, by: timedelta) -> None:
    for column in type(row).__table__.columns:
        if isinstance(moment := getattr(row, column.key), datetime):
            setattr(row, column.key, moment - by)


@dataclass
class Line:
    """One channel of a device, which says what a test has it say."""

    device: SimulatedDevice
    user: str | None = None
    uuid: str = ""
    """Of the command it was given last."""
    command: dict[str, Any] = field(default_factory=dict)
    response: httpx.Response | None = None

    def idle(self, **more: Any) -> str | None:
        """Ask; returns the RequestType of what it is given."""
        body = idle(self.device, self.device.channel(self.user))
        return self.send(dumps({**plistlib.loads(body), **more}))

    def say(self, status: str = "Acknowledged", *, about: str = "", **more: Any) -> str | None:
        """Answer the command it was given last, or another one."""
        who = checkins.who(self.device, self.device.channel(self.user))
        body = {"Status": status, "CommandUUID": about or self.uuid, **who, **more}
        return self.send(dumps(body))

    def send(self, body: bytes) -> str | None:
        """Send these bytes; a refusal fails the test."""
        self.response = self.device.wire.connect(body)
        assert self.response.status_code == 200, self.response.text
        if not self.response.content:
            return None
        given = plistlib.loads(self.response.content)
        self.uuid, self.command = given["CommandUUID"], given["Command"]
        return str(self.command["RequestType"])
