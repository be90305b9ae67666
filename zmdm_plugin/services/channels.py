"""Finding and opening the channels of a device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import Channel, Device
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol.who import Who


def open_channels(device: Device) -> Sequence[Channel]:
    """The channels that are in use, the device's own first."""
    return (
        session()
        .scalars(
            sa.select(Channel)
            .where(Channel.device_id == device.id, Channel.ended_at.is_(None))
            .order_by(Channel.key, Channel.id)
        )
        .all()
    )


def hold(which: sa.ColumnElement[bool]) -> None:
    """Lock channels in id order, before their commands and before their device.

    Conversations begin with their channel, and so does everybody else: nobody deadlocks.
    """
    session().execute(
        sa.select(Channel.id).where(which).order_by(Channel.id).with_for_update(key_share=True)
    )


def hold_devices(device_ids: Sequence[int]) -> None:
    """Lock devices after all their channels, each in id order, for a change of the whole device.

    A channel that came between the two locks would be taken after its device, and its conversation
    takes them the other way round. So both are let go, which the end of a savepoint does, and taken
    anew. Once the device is held nobody adds a channel to it.
    """
    of_these = Channel.device_id.in_(device_ids)
    while True:
        attempt = session().begin_nested()
        held = _locked_ids(sa.select(Channel.id).where(of_these).order_by(Channel.id))
        _locked_ids(sa.select(Device.id).where(Device.id.in_(device_ids)).order_by(Device.id))
        if set(session().scalars(sa.select(Channel.id).where(of_these))) <= held:
            attempt.commit()
            return
        attempt.rollback()


def _locked_ids(ids: sa.Select[Any]) -> set[int]:
    return set(session().scalars(ids.with_for_update(key_share=True)))


def find(device: Device, who: Who, *, lock: bool = False) -> Channel | None:
    """The channel that a message is about; locked, its conversations take turns."""
    statement = sa.select(Channel).where(
        Channel.device_id == device.id, Channel.key == who.user_key
    )
    if lock:
        statement = statement.with_for_update(of=Channel)
    return session().scalar(statement)


def ensure(device: Device, who: Who) -> Channel:
    """The channel of this TokenUpdate, opened (again) if need be."""
    channel = find(device, who, lock=True)
    now = utcnow()
    if channel is None:
        channel = Channel(device_id=device.id, kind=str(who.kind), key=who.user_key)
        channel.device = device
        session().add(channel)
    if channel.ended_at is not None or channel.enrolled_at is None:
        channel.enrolled_at, channel.ended_at = now, None
    channel.user_id = who.enrollment_user_id or who.user_id
    channel.user_short_name = who.user_short_name or channel.user_short_name
    channel.user_long_name = who.user_long_name or channel.user_long_name
    return channel
