"""Commands: all of them, newest first, and one with its way, its arguments and its answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from flask import Response
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import device_facts as facts
from zmdm_plugin.admin import paging, sending
from zmdm_plugin.admin.screen import HEADERS, Screen, acting, back, demand, session, text
from zmdm_plugin.commands.base import REDACTED
from zmdm_plugin.errors import NotFound, ProtocolError
from zmdm_plugin.models import Channel, ChannelCommand, Device
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol import plist
from zmdm_plugin.services import access, answers, audit, command_queue, push_certificates
from zmdm_plugin.services.dashboard import FAILED
from zmdm_plugin.services.waiting import why

STATES = (
    ("outstanding", "Not finished"),
    ("failed", "Failed"),
    ("error", "Error"),
    ("acknowledged", "Acknowledged"),
    ("not_now", "Not now"),
    ("expired", "Expired"),
    ("cancelled", "Cancelled"),
    ("superseded", "Replaced"),
    ("queued", "Queued"),
    ("delivered", "Delivered"),
    ("unknown", "Unknown"),
)
_ADDRESS = {"UDID", "EnrollmentID", "CommandUUID", "Status", "UserID", "UserShortName"}
_SECRET = re.compile(
    r"PRK|PersonalRecoveryKey|Password|Passcode|Token$|Secret|PIN$|Challenge|PrivateKey"
)


class CommandList(Screen):
    """Commands of all devices that the one who acts may see."""

    permission = access.VIEW_COMMANDS

    @expose("/")
    def index(self) -> Response:
        """One page of the list."""
        state = text("state")
        query = sa.select(ChannelCommand)
        if state == "outstanding":
            query = query.where(ChannelCommand.finished_at.is_(None))
        elif state == "failed":
            query = query.where(ChannelCommand.state.in_(FAILED))
        elif state in dict(STATES):
            query = query.where(ChannelCommand.state == state)
        if name := text("name"):
            query = query.where(ChannelCommand.name == name)
        page = paging.newest_first(_scoped(query), ChannelCommand.id)
        return self.page(
            "zmdm/commands.html",
            title="Commands",
            page=page,
            devices=_devices(page.items),
            state=state,
            states=STATES,
            name=text("name"),
            names=sending.every(),
            shown=sending.shown,
            name_of=facts.name_of,
        )


class CommandPage(Screen):
    """One command."""

    permission = access.VIEW_COMMANDS

    @expose("/")
    def index(self, uuid: str) -> Response:
        """Its way from the order to the answer, and the answer itself."""
        command, device, channel = _find(uuid)
        answer, fault = _answer(command)
        return self.page(
            "zmdm/command.html",
            title=f"{sending.shown(command.name)} – {facts.name_of(device)}",
            command=command,
            device=device,
            device_name=facts.name_of(device),
            channel=channel,
            why=_why(command, device, channel),
            shown=sending.shown,
            secret=sending.secret_names(command.name),
            again=command.finished_at is not None and sending.can_send(command.name, channel),
            answer=answer,
            fault=fault,
        )

    @expose("/result.plist", methods=("POST",))
    def result(self, uuid: str) -> Response:
        """The answer as it came. It may hold secrets: a permission of its own, and the audit."""
        demand(access.VIEW_RESULTS, _find(uuid)[1])
        with db.transaction():
            command, _device, _channel = _find(uuid)
            body, name = answers.result_of(command), command.uid
            if body is None:
                raise NotFound("This command has no answer.")
            audit.record(acting(), "command.reveal_result", command)
        headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}.plist"'}
        return Response(body, mimetype="application/x-plist", headers=headers)

    @expose("/cancel/", methods=("POST",))
    def cancel(self, uuid: str) -> Response:
        """Take it back, as long as the device does not have it."""
        _command, device, _channel = _find(uuid)
        demand(access.CHANGE_COMMANDS, device)
        with db.transaction():
            command, _device, _channel = _find(uuid)
            command_queue.cancel(command)
            audit.record(acting(), "command.cancel", command, after={"state": command.state})
        return back("The command is cancelled.", ".index", uuid=uuid)


def _find(uuid: str) -> tuple[ChannelCommand, Device, Channel]:
    command = session().scalar(sa.select(ChannelCommand).where(ChannelCommand.uid == uuid[:36]))
    channel = session().get(Channel, command.channel_id) if command else None
    if command is None or channel is None:
        raise NotFound("There is no such command.")
    device = facts.find(command.device_id)
    demand(access.VIEW_COMMANDS, device)
    return command, device, channel


def _scoped(query: sa.Select[Any]) -> sa.Select[Any]:
    scope = access.row_scope(acting(), access.VIEW_COMMANDS)
    if scope is None:
        return query
    return query.join(Device, Device.id == ChannelCommand.device_id).where(scope)


def _devices(commands: Sequence[ChannelCommand]) -> dict[int, Device]:
    """The devices of a page, in one statement."""
    ids = {command.device_id for command in commands}
    rows = session().scalars(sa.select(Device).where(Device.id.in_(ids)))
    return {device.id: device for device in rows}


def _why(command: ChannelCommand, device: Device, channel: Channel) -> str:
    if command.finished_at is not None:
        return ""
    resting = push_certificates.resting(device)
    return why(command, channel, utcnow(), ahead=_ahead(command), resting=resting)


def _ahead(command: ChannelCommand) -> int:
    """How many stand before it on its channel."""
    if command.finished_at is not None:
        return 0
    before = sa.or_(
        ChannelCommand.lane < command.lane,
        sa.and_(ChannelCommand.lane == command.lane, ChannelCommand.id < command.id),
    )
    query = sa.select(sa.func.count()).where(
        ChannelCommand.channel_id == command.channel_id,
        ChannelCommand.finished_at.is_(None),
        ChannelCommand.state != "not_now",
        before,
    )
    return session().scalar(query) or 0


def _answer(command: ChannelCommand) -> tuple[dict[str, Any] | None, str]:
    """The answer's keys, without those that only address it; or why it cannot be shown."""
    try:
        body = _body(command)
    except ProtocolError:
        return None, "The answer is kept, but cannot be read as a property list."
    if body is None:
        return None, ""
    return {key: value for key, value in body.items() if key not in _ADDRESS}, ""


def _body(command: ChannelCommand) -> dict[str, Any] | None:
    """The answer with what may be a secret taken out: revealing is for other pages to audit."""
    raw = answers.result_of(command)
    if raw is None:
        return None
    body: dict[str, Any] = without_secrets(plist.load_dict(raw))
    return body


def without_secrets(value: Any, key: str = "") -> Any:
    """The same tree, its texts and data hidden under keys that sound like secrets."""
    if isinstance(value, dict):
        return {name: without_secrets(part, str(name)) for name, part in value.items()}
    if isinstance(value, list):
        return [without_secrets(part, key) for part in value]
    return REDACTED if isinstance(value, str | bytes) and _SECRET.search(key) else value
