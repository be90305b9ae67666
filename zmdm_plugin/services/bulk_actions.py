"""What can be done to many devices at once, and how it is done to one of them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from zmdm_plugin.actors import Actor
from zmdm_plugin.commands import Command, registry
from zmdm_plugin.errors import NotFound, Refused
from zmdm_plugin.models import Device, MDMBlueprint
from zmdm_plugin.models.base import Base
from zmdm_plugin.services import access, command_queue, deletion, devices, renewals, tags, wake
from zmdm_plugin.services.artifacts import assignment, blueprints
from zmdm_plugin.services.device_changes import CHANGES, Change
from zmdm_plugin.services.targets import target

Act = Callable[[Device, Actor], "Base | None"]
"""Do it; what was changed, for the audit, or None if it was so already."""
COMMAND = "command"
CHUNK = 50
"""Devices whose rows a step holds: a poll of one of them waits for as long."""
DELETE = "delete"
ONE_AT_A_TIME = {"EraseDevice"}
"""Commands that are never sent in bulk: each device is erased on its own page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A bulk action with its arguments, checked and ready to be done to each device."""

    title: str
    permission: str
    audited: str
    """The action's name in the audit."""
    act: Act
    stored: dict[str, Any]
    """The arguments as `prepare` takes them again; they may hold secrets."""
    changes_devices: bool = False
    chunk: int = CHUNK


class Unfinished(Exception):
    """A slice of what is to be done to this device is done, and there is more of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A bulk action before its arguments are known."""

    shown: str
    permission: str
    prepare: Callable[[Mapping[str, Any]], Ready]


def prepare(action: str, args: Mapping[str, Any]) -> Ready:
    """Check an order as far as that is possible without a device; Refused with (field, why)."""
    name, _, command = action.partition(":")
    if name == COMMAND and command:
        return _command(command, args)
    if action not in ACTIONS:
        raise Refused("action", f"must be one of {', '.join(names())}")
    return ACTIONS[action].prepare(args)


def names() -> list[str]:
    """All actions; commands as `command:DeviceLock`."""
    return [*ACTIONS, *(f"{COMMAND}:{command.name}" for command in commands())]


def commands() -> list[type[Command]]:
    """The commands that may be sent to many devices at once."""
    return [one for one in registry if one.manual and one.name not in ONE_AT_A_TIME]


def _no_arguments(args: Mapping[str, Any]) -> dict[str, Any]:
    for name in args:
        raise Refused(str(name)[:50], "is unknown to this action")
    return {}


def _changing(name: str, change: Change) -> Action:
    def act(device: Device, actor: Actor) -> Base | None:
        change.act(device, actor, bulk=True)
        return device

    def ready(args: Mapping[str, Any]) -> Ready:
        return Ready(
            title=f"{change.shown}: devices",
            permission=change.permission,
            audited=f"device.{name}",
            act=act,
            stored=_no_arguments(args),
            changes_devices=True,
        )

    return Action(shown=change.shown, permission=change.permission, prepare=ready)


def _renewing(args: Mapping[str, Any]) -> Ready:
    def act(device: Device, actor: Actor) -> Base | None:
        return renewals.renew(device, actor, bulk=True)

    return Ready(
        title="Renew identities",
        permission=access.CHANGE_DEVICES,
        audited="identity.renew",
        act=act,
        stored=_no_arguments(args),
        changes_devices=True,
    )


def _tagging(verb: str, audited: str, change: Callable[..., bool]) -> Any:
    def ready(args: Mapping[str, Any]) -> Ready:
        given = args.get("tag")
        if not isinstance(given, str) or not given.strip():
            raise Refused("tag", "say which tag")
        _no_arguments({name: value for name, value in args.items() if name != "tag"})
        tag = tags.called([given])[0]

        def act(device: Device, _actor: Actor) -> Base | None:
            return device if change(device, tag, bulk=True) else None

        return Ready(
            title=f"{verb} “{tag.name}”",
            permission=access.CHANGE_DEVICES,
            audited=audited,
            act=act,
            stored={"tag": tag.name},
            changes_devices=True,
        )

    return ready


def _assigning(args: Mapping[str, Any]) -> Ready:
    """Which blueprint, by its name."""
    given = args.get("blueprint")
    if not isinstance(given, str) or not given.strip():
        raise Refused("blueprint", "say which blueprint")
    _no_arguments({name: value for name, value in args.items() if name != "blueprint"})
    wanted = blueprints.named(given)
    if wanted is None:
        raise Refused("blueprint", "there is no such blueprint")
    return _assignment(f"Choose the blueprint “{wanted.name}”", wanted, {"blueprint": wanted.name})


def _withdrawing(args: Mapping[str, Any]) -> Ready:
    return _assignment("Take the blueprint away", None, _no_arguments(args))


def _assignment(title: str, wanted: MDMBlueprint | None, stored: dict[str, Any]) -> Ready:
    def act(device: Device, actor: Actor) -> Base | None:
        changed = assignment.choose(device, wanted, actor=actor, bulk=True)
        return device if changed else None

    return Ready(
        title=title,
        permission=access.CHANGE_DEVICES,
        audited="device.blueprint",
        act=act,
        stored=stored,
        changes_devices=True,
    )


def _command(name: str, args: Mapping[str, Any]) -> Ready:
    command = registry.get(name)
    if command is None or not command.manual:
        raise NotFound(f"no command {name[:100]!r}")
    loaded = command_queue.load_args(command, args)
    _unless_one_at_a_time(command, loaded)
    stored = command.store(loaded)

    def act(device: Device, actor: Actor) -> Base | None:
        channel = devices.channel(device.id)
        asked = {**stored, **_own_pin(command, stored, device)}
        row = command_queue.enqueue(channel, command.name, asked, actor=actor, wakes=False)
        wake.channel(channel, bulk=True)
        return row

    return Ready(
        title=f"Send {command.wire_type(loaded)}",
        permission=command.permission_for(loaded),
        audited="command.queue",
        act=act,
        stored=stored,
    )


def _unless_one_at_a_time(command: type[Command], loaded: dict[str, Any]) -> None:
    carried, _ = command.unwrap(loaded)
    for one in (command.name, command.wire_type(loaded), carried.name if carried else ""):
        if one in ONE_AT_A_TIME:
            raise Refused("action", f"{one} is sent to one device at a time, on its own page")


def _own_pin(command: type[Command], stored: Mapping[str, Any], device: Device) -> dict[str, str]:
    """A PIN for this Mac alone where none was given: a fleet must not share one."""
    if command.name != "DeviceLock" or stored.get("pin"):
        return {}
    if not target(devices.channel(device.id)).is_mac:
        return {}
    return {"pin": f"{secrets.randbelow(10**6):06}"}


def _deleting(args: Mapping[str, Any]) -> Ready:
    given = args.get("despite_secrets", False)
    if not isinstance(given, bool):
        raise Refused("despite_secrets", "say true or false")
    _no_arguments({name: value for name, value in args.items() if name != "despite_secrets"})

    def act(device: Device, _actor: Actor) -> Base | None:
        if not deletion.some(device, despite_secrets=given):
            raise Unfinished
        return device

    return Ready(
        title="Delete devices",
        permission=access.DELETE_DEVICES,
        audited="device.delete",
        act=act,
        stored={"despite_secrets": given},
        changes_devices=True,
        chunk=5,
    )


ACTIONS: dict[str, Action] = {
    **{name: _changing(name, one) for name, one in CHANGES.items()},
    "renew_identity": Action(
        shown="Renew the identity",
        permission=access.CHANGE_DEVICES,
        prepare=_renewing,
    ),
    "tag": Action(
        shown="Add a tag",
        permission=access.CHANGE_DEVICES,
        prepare=_tagging("Add the tag", "device.tag", tags.put),
    ),
    "untag": Action(
        shown="Remove a tag",
        permission=access.CHANGE_DEVICES,
        prepare=_tagging("Remove the tag", "device.untag", tags.take),
    ),
    "blueprint": Action(
        shown="Choose the blueprint",
        permission=access.CHANGE_DEVICES,
        prepare=_assigning,
    ),
    "no_blueprint": Action(
        shown="Take the blueprint away",
        permission=access.CHANGE_DEVICES,
        prepare=_withdrawing,
    ),
    DELETE: Action(shown="Delete", permission=access.DELETE_DEVICES, prepare=_deleting),
}
