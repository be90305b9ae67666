"""Commands as lists show them, finished ones included; the newest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.errors import NotFound
from zmdm_plugin.models import Channel, ChannelCommand, Device
from zmdm_plugin.models.commands import FINAL, OUTSTANDING
from zmdm_plugin.services import devices
from zmdm_plugin.services.keyset import DEFAULT_LIMIT, Keyset, Page

STATES = (*OUTSTANDING, *FINAL)
KEYSET = Keyset(ChannelCommand.id, {})
NEWEST_FIRST = "-id"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandFilter:
    """What a list of commands shows; None asks nothing."""

    name: str | None = None
    state: str | None = None
    outstanding: bool | None = None
    user_short_name: str | None = None

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        found: list[sa.ColumnElement[bool]] = []
        if self.name is not None:
            found.append(ChannelCommand.name == self.name)
        if self.state is not None:
            found.append(ChannelCommand.state == self.state)
        if self.outstanding is not None:
            finished = ChannelCommand.finished_at
            found.append(finished.is_(None) if self.outstanding else finished.is_not(None))
        if self.user_short_name is not None:
            found.append(Channel.user_short_name == self.user_short_name)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCommand:
    """A command with what lists show of its channel."""

    command: ChannelCommand
    channel_kind: str
    user_short_name: str | None


def page(
    device: Device,
    filter: CommandFilter,
    *,
    ordering: str = NEWEST_FIRST,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[ShownCommand]:
    """A page of a device's commands, on all its channels."""
    statement = _shown().where(ChannelCommand.device_id == device.id, *filter.conditions())
    found = KEYSET.page(statement, ordering=ordering, cursor=cursor, limit=limit)
    return found.map(_from_row)


def get(uuid: str) -> ShownCommand:
    """One command by its CommandUUID, as lists show it."""
    found = session().execute(_shown().where(ChannelCommand.uid == uuid.lower())).one_or_none()
    if found is None:
        raise NotFound("no such command")
    return _from_row(found)


def find(actor: Actor, uuid: str, permission: str) -> ChannelCommand:
    """A command whose device the actor may use this permission on; NotFound, then Denied."""
    command = row(uuid)
    devices.find(actor, command.device_id, permission)
    return command


def row(uuid: str) -> ChannelCommand:
    """The row of a command."""
    statement = sa.select(ChannelCommand).where(ChannelCommand.uid == uuid.lower())
    command = session().scalar(statement)
    if command is None:
        raise NotFound("no such command")
    return command


def _shown() -> sa.Select[*tuple[Any, ...]]:
    return sa.select(ChannelCommand, Channel.kind, Channel.user_short_name).join(
        Channel, Channel.id == ChannelCommand.channel_id
    )


def _from_row(row: Any) -> ShownCommand:
    command, kind, user = row
    return ShownCommand(command=command, channel_kind=kind, user_short_name=user)
