"""/api/mdm/devices/<id>/commands/: the list, and one POST per command with a schema of its own."""

from __future__ import annotations

import inspect
import re
from typing import Any

from zmdm_plugin import db
from zmdm_plugin.blueprints.api import paging
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas.commands import CommandQuery, CommandSchema, OrderQuery
from zmdm_plugin.commands import Command, registry
from zmdm_plugin.commands.base import CUSTOM_COMMAND
from zmdm_plugin.services import access, audit, command_history, command_queue, devices
from zmdm_plugin.web.actor import api_actor

blueprint = Resource(
    "device_commands", path="/devices", description="Commands: what was ordered, and new orders."
)
SHORTCUTS = {"lock": "DeviceLock", "erase": "EraseDevice"}
"""Paths that say what they do, beside those of their RequestType."""


@blueprint.route(f"/<{ID}:device_id>/commands/")
@blueprint.arguments(CommandQuery, location="query")
@blueprint.operation(access.VIEW_COMMANDS, 404)
@blueprint.response(200, CommandSchema(many=True), headers=paging.HEADERS)
def list_device_commands(query: dict[str, Any], device_id: int) -> Any:
    """List the commands of a device

    On all its channels, the newest first.
    """
    limit, ordering, cursor = query.pop("limit"), query.pop("ordering"), query.pop("cursor", None)
    device = devices.find(api_actor(), device_id, access.VIEW_COMMANDS)
    asked = command_history.CommandFilter(**query)
    page = command_history.page(device, asked, ordering=ordering, cursor=cursor, limit=limit)
    return paging.answer(page, limit)


def order(
    command: type[Command], device_id: int, when: dict[str, Any], args: dict[str, Any]
) -> command_history.ShownCommand:
    """Queue one command; the permission is the one that these very arguments ask for."""
    actor = api_actor()
    device = devices.find(actor, device_id, command.permission_for(args))
    channel_id = when.pop("channel", None)
    with db.transaction():
        channel = devices.channel(device.id, channel_id=channel_id)
        row = command_queue.enqueue(channel, command.name, command.store(args), actor=actor, **when)
        audit.record(actor, "command.queue", row, after=audit.snapshot(row))
        uuid = row.uid
    return command_history.get(uuid)


def _offer(command: type[Command], path: str, view_name: str, summary: str) -> None:
    """Add the POST of one command."""

    def view(args: dict[str, Any], when: dict[str, Any], device_id: int) -> Any:
        return order(command, device_id, when, args)

    view.__name__ = view_name
    view.__doc__ = f"{summary}\n\n{_about(command)}"
    shown = blueprint.response(201, CommandSchema)(view)
    documented = blueprint.operation(_permission(command), 400, 404, 409, 413, 415)(shown)
    with_when = blueprint.arguments(OrderQuery, location="query")(documented)
    with_args = blueprint.arguments(
        command.Args, required=any(field.required for field in command.Args().fields.values())
    )(with_when)
    blueprint.add_url_rule(path, view_name, with_args, methods=["POST"])


def _about(command: type[Command]) -> str:
    about = inspect.cleandoc(command.__doc__ or "")
    return (
        f"{about}\n\n"
        "The device is woken; refusals by platform, OS version, channel or supervision are a 422 "
        "that says why."
    )


def _permission(command: type[Command]) -> str:
    if command.name == "Custom":
        return f"that of the command it carries, else {CUSTOM_COMMAND}"
    return command.permission


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


for _command in registry:
    if _command.manual:
        _offer(
            _command,
            f"/<{ID}:device_id>/commands/{_command.name}/",
            f"queue_{_snake(_command.name)}",
            f"Queue {_command.name}",
        )
for _path, _name in SHORTCUTS.items():
    _offer(
        registry[_name],
        f"/<{ID}:device_id>/{_path}/",
        f"{_path}_device",
        f"{_path.capitalize()} a device",
    )
