"""flask zmdm command …: what was ordered, what came of it, and taking it back."""

from __future__ import annotations

from typing import Any

import click
import sqlalchemy as sa

from zmdm_plugin import db
from zmdm_plugin.blueprints.api.schemas.commands import CommandSchema
from zmdm_plugin.cli.asking import ID, LIMIT, one_device
from zmdm_plugin.cli.devices import group as device_group
from zmdm_plugin.cli.groups import Topic, zmdm
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.cli.output import card, say, table
from zmdm_plugin.commands import registry
from zmdm_plugin.models import Channel, ChannelCommand
from zmdm_plugin.services import access, audit, command_history, command_queue
from zmdm_plugin.services.command_history import CommandFilter, ShownCommand

group = Topic("command", help="Commands to devices.")
zmdm.add_command(group)

_COLUMNS = ("uuid", "enrolled_device", "name", "state", "status", "user_short_name", "result_time")
_STATE = click.option("--state", type=click.Choice(command_history.STATES), help="In this state.")
_NAME = click.option("--name", help="Exactly this command, e.g. DeviceLock.")
_OUTSTANDING = click.option(
    "--outstanding/--finished", default=None, help="Only those that are not finished, or are."
)


@group.command("list")
@_STATE
@_NAME
@_OUTSTANDING
@click.option("--before", type=ID, help="Only those with a lower id: the next page.")
@LIMIT
def list_commands(*, before: int | None, limit: int, **asked: Any) -> None:
    """List the commands of all devices, the newest first."""
    access.demand(operator(), access.VIEW_COMMANDS)
    query = (
        sa.select(ChannelCommand, Channel.kind, Channel.user_short_name)
        .join(Channel, Channel.id == ChannelCommand.channel_id)
        .where(*CommandFilter(**asked).conditions())
    )
    if before is not None:
        query = query.where(ChannelCommand.id < before)
    found = db.session().execute(query.order_by(ChannelCommand.id.desc()).limit(limit))
    table(
        [
            _dumped(ShownCommand(command=command, channel_kind=kind, user_short_name=user))
            for command, kind, user in found
        ],
        _COLUMNS,
        empty="no command matches",
    )


@device_group.command("commands")
@click.argument("device")
@_STATE
@_NAME
@_OUTSTANDING
@LIMIT
def of_device(device: str, *, limit: int, **asked: Any) -> None:
    """List the commands of a device, on all its channels, the newest first."""
    row = one_device(device, access.VIEW_COMMANDS)
    page = command_history.page(row, CommandFilter(**asked), limit=limit)
    table([_dumped(shown) for shown in page.items], _COLUMNS, empty="no command matches")


@group.command("show")
@click.argument("uuid")
def show(uuid: str) -> None:
    """Show a command by its CommandUUID: where it stands, and the device's word."""
    command_history.find(operator(), uuid, access.VIEW_COMMANDS)
    card(plain(uuid))


@group.command("cancel")
@click.argument("uuid")
def cancel(uuid: str) -> None:
    """Take a command back, as long as the device has not been given it."""
    command_history.find(operator(), uuid, access.CHANGE_COMMANDS)
    with db.transaction():
        row = command_history.row(uuid)
        before = {"state": row.state}
        command_queue.cancel(row)
        after = {"state": row.state}
        audit.record(operator(), "command.cancel", row, before=before, after=after)
    say(plain(uuid), f"{uuid} is cancelled")


@group.command("types")
def types() -> None:
    """List the commands that can be sent, with their arguments; a star marks required ones."""
    rows = [
        {
            "name": command.name,
            "permission": command.permission,
            "arguments": [
                f"{name}*" if field.required else name
                for name, field in command.Args().fields.items()
            ],
        }
        for command in sorted(registry, key=lambda one: one.name)
        if command.manual
    ]
    table(rows, ("name", "arguments"), empty="none")


def plain(uuid: str) -> dict[str, Any]:
    """A command as the API shows it."""
    return _dumped(command_history.get(uuid))


def _dumped(shown: ShownCommand) -> dict[str, Any]:
    dumped: dict[str, Any] = CommandSchema().dump(shown)
    return dumped
