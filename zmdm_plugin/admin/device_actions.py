"""What is done to one device: commands by their forms, and what a button does at a word."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Response, request
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import device_facts as facts
from zmdm_plugin.admin import forms, sending
from zmdm_plugin.admin.screen import Screen, acting, back, demand, may, text
from zmdm_plugin.admin.words import sentence
from zmdm_plugin.commands import Command, Target, registry
from zmdm_plugin.errors import Conflict, NotFound, Refused
from zmdm_plugin.models import Channel, Device
from zmdm_plugin.services import access, audit, command_queue, device_changes, devices
from zmdm_plugin.services.artifacts import artifacts
from zmdm_plugin.services.targets import target


class DeviceActions(Screen):
    """Forms and buttons of a device; each demands the permission of what it does."""

    permission = access.VIEW_DEVICES

    @expose("/")
    def index(self, device_id: int) -> Response:
        """Every command there is, and why some cannot be sent to this device."""
        device = facts.find(device_id)
        channel = _asked_channel(device)
        return self.page(
            "zmdm/send_choose.html",
            title=f"Send a command to {_addressee(device, channel)}",
            device=device,
            device_name=facts.name_of(device),
            offers=sending.offers(channel),
            user=facts.user_of(channel),
            channel=_argument(channel),
        )

    @expose("/<command_name>/", methods=("GET", "POST"))
    def send(self, device_id: int, command_name: str) -> Response:
        """A command's form, and the sending of it; `channel` in the address names a user's."""
        device = facts.find(device_id)
        command, channel = _command(command_name), _enrolled(_asked_channel(device))
        demand(command.permission, device)
        form = forms.Form(_fields(command, channel))
        if request.method == "POST":
            if answer := self._send(device, channel, command, form):
                return answer
            form.fields = forms.typed(form.fields, request.form)
        else:
            refusal = command.unavailable(target(channel))
            form.fault = refusal.why if refusal else ""
        return self.page(
            "zmdm/send.html",
            title=f"{sending.shown(command.name)}: {_addressee(device, channel)}",
            status=422 if form.faults or (form.fault and request.method == "POST") else 200,
            device=device,
            device_name=facts.name_of(device),
            command=command,
            user=facts.user_of(channel),
            shown=sending.shown(command.name),
            form=form,
            warning=sending.DESTRUCTIVE.get(command.name, ""),
            confirm=confirmation(device) if command.name in sending.TYPE_TO_CONFIRM else "",
        )

    def _send(
        self, device: Device, channel: Channel, command: type[Command], form: forms.Form
    ) -> Response | None:
        """Queue it; None when the form has to be shown again, with the faults in it."""
        if command.name in sending.TYPE_TO_CONFIRM and not _confirmed(device):
            form.faults["confirm"] = "Type exactly this, so that the right one is erased."
        given = forms.data(form.fields, request.form, request.files)
        try:
            form.faults.update(_check(command, given, device))
            if form.faults or form.fault:
                return None
            device_id, channel_id = device.id, channel.id
            user = facts.user_of(channel)
            with db.transaction():
                order(device_id, command, given, channel_id=channel_id)
        except Refused as error:
            form.blame(error.field, error.why)
            return None
        except Conflict as error:
            form.fault = sentence(str(error))
            return None
        whose = f" for {user}" if user else ""
        said = f"{sending.shown(command.name)} is queued{whose}; the device is being woken."
        return back(said, "zmdm_device.index", device_id=device_id)


class DeviceSwitches(Screen):
    """Buttons that need no form."""

    permission = access.VIEW_DEVICES

    @expose("/", methods=("POST",))
    def index(self, device_id: int) -> Response:
        """Do what the button says, one of `device_changes.CHANGES`."""
        device = facts.find(device_id)
        name = request.form.get("do", "")
        if name not in device_changes.CHANGES:
            raise NotFound("There is no such button.")
        wanted = device_changes.CHANGES[name]
        demand(wanted.permission, device)
        with db.transaction():
            device_changes.change(device_id, name, acting())
        return back(wanted.done, "zmdm_device.index", device_id=device_id)


def order(
    device_id: int, command: type[Command], given: dict[str, Any], *, channel_id: int
) -> None:
    """Queue a command inside the open transaction, with its audit entry."""
    channel = devices.channel(facts.find(device_id).id, channel_id=channel_id)
    row = command_queue.enqueue(channel, command.name, given, actor=acting())
    audit.record(acting(), "command.queue", row, after=audit.snapshot(row))


def confirmation(device: Device) -> str:
    """What has to be typed before a device is erased."""
    return device.serial_number or device.udid or str(device.id)


def _confirmed(device: Device) -> bool:
    return request.form.get("confirm", "").strip().upper() == confirmation(device).upper()


def _check(command: type[Command], given: dict[str, Any], device: Device) -> dict[str, str]:
    """Every faulty field at once; and Denied if this very order asks for more than the form."""
    try:
        loaded = command.load(given)
    except ma.ValidationError as error:
        return forms.faults(error)
    demand(command.permission_for(loaded), device)
    return {}


def _fields(command: type[Command], channel: Channel) -> list[forms.Field]:
    """The inputs that make sense for this device, those it cannot do without marked as such.

    The command itself is asked: what it refuses an order for when nothing is given is required,
    and what its OS does not know, or refuses however it is filled in, is left out.
    """
    aim = target(channel)
    fields = forms.of_schema(command.Args(), secret=command.secret)
    unknown = {name for name, since in command.args_min_os.items() if not aim.knows(since)}
    bare = command.refuse(aim, {}) if not any(item.required for item in fields) else None
    return [
        _chosen_from(
            forms.replaced(item, required=item.required or bool(bare and bare.field == item.name))
        )
        for item in fields
        if item.name not in unknown and not _useless(item, command, aim)
    ]


def _chosen_from(item: forms.Field) -> forms.Field:
    """An artifact is chosen by its name."""
    if item.name != "wifi_artifact":
        return item
    known = artifacts.profile_names() if may(access.VIEW_ARTIFACTS) else []
    choices = (("", "–"), *((str(row_id), name) for row_id, name in known))
    about = "Return to Service: the profile of the network to use, among the artifacts. Needed "
    about += "without Ethernet or mobile data."
    return forms.replaced(item, kind="choice", choices=choices, help=about)


def _useless(item: forms.Field, command: type[Command], aim: Target) -> bool:
    if item.kind != "digits":
        return False
    refusal = command.refuse(aim, {item.name: "000000"})
    return refusal is not None and refusal.field == item.name


def _command(name: str) -> type[Command]:
    command = registry.get(name)
    if command is None or not command.manual:
        raise NotFound(f"There is no command {name}.")
    return command


def _asked_channel(device: Device) -> Channel | None:
    """The device's own channel, or that of the user whom the address names; NotFound."""
    asked = text("channel", most=19)
    if not asked:
        return facts.conversation(device).own
    if not (asked.isascii() and asked.isdecimal()):
        raise NotFound("There is no such user of this device.")
    return devices.channel(device.id, channel_id=int(asked))


def _enrolled(channel: Channel | None) -> Channel:
    if channel is None:
        raise Conflict("The device is not enrolled, so nothing can be sent to it.")
    return channel


def _addressee(device: Device, channel: Channel | None) -> str:
    user = facts.user_of(channel)
    return f"{user} on {facts.name_of(device)}" if user else facts.name_of(device)


def _argument(channel: Channel | None) -> int | None:
    """What the address of a form says besides the device; nothing for its own channel."""
    return channel.id if channel is not None and channel.kind == "user" else None
