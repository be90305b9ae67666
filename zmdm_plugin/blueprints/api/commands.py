"""/api/mdm/commands/<uuid>/: one command, its answer, and taking it back."""

from __future__ import annotations

from uuid import UUID

from flask import Response

from zmdm_plugin import db
from zmdm_plugin.blueprints.api.resource import Resource
from zmdm_plugin.blueprints.api.schemas.commands import CommandSchema
from zmdm_plugin.errors import NotFound
from zmdm_plugin.services import access, answers, audit, command_history, command_queue
from zmdm_plugin.web.actor import api_actor

blueprint = Resource("commands", path="/commands", description="One command by its UUID.")
PROPERTY_LIST = "application/x-plist"


@blueprint.route("/<uuid:command_uuid>/")
@blueprint.operation(access.VIEW_COMMANDS, 404)
@blueprint.response(200, CommandSchema)
def get_command(command_uuid: UUID) -> command_history.ShownCommand:
    """Show a command"""
    command_history.find(api_actor(), str(command_uuid), access.VIEW_COMMANDS)
    return command_history.get(str(command_uuid))


@blueprint.route("/<uuid:command_uuid>/result/")
@blueprint.operation(access.VIEW_RESULTS, 404)
@blueprint.response(200, {"type": "string", "format": "binary"}, content_type=PROPERTY_LIST)
def get_command_result(command_uuid: UUID) -> Response:
    """Fetch the answer to a command

    The property list as the device sent it (XML or binary). It may hold secrets, so that it has
    a permission of its own, and each time is written to the audit. 404 before it came.
    """
    actor = api_actor()
    command_history.find(actor, str(command_uuid), access.VIEW_RESULTS)
    with db.transaction():
        command = command_history.row(str(command_uuid))
        answer = answers.result_of(command)
        if answer is None:
            raise NotFound("the device has not answered this command")
        audit.record(actor, "command.reveal_result", command)
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(answer, mimetype=PROPERTY_LIST, headers=headers)


@blueprint.route("/<uuid:command_uuid>/cancel/", methods=["POST"])
@blueprint.operation(access.CHANGE_COMMANDS, 404, 409)
@blueprint.response(200, CommandSchema)
def cancel_command(command_uuid: UUID) -> command_history.ShownCommand:
    """Cancel a command

    As long as the device has not been given it; afterwards it is a 409.
    """
    actor = api_actor()
    command_history.find(actor, str(command_uuid), access.CHANGE_COMMANDS)
    with db.transaction():
        command = command_history.row(str(command_uuid))
        before = {"state": command.state}
        command_queue.cancel(command)
        audit.record(
            actor, "command.cancel", command, before=before, after={"state": command.state}
        )
    return command_history.get(str(command_uuid))
