"""flask zmdm device lock | erase | send: one command to one device, and its answer."""

from __future__ import annotations

import dataclasses
import json
import secrets
import time
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa

from zmdm_plugin import db
from zmdm_plugin.cli.asking import called, one_device
from zmdm_plugin.cli.commands import plain
from zmdm_plugin.cli.devices import group
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.cli.output import ask, asks, progress, say, to
from zmdm_plugin.commands import Command, registry
from zmdm_plugin.errors import NotFound, Refused
from zmdm_plugin.models import Channel, Device
from zmdm_plugin.services import access, audit, command_history, command_queue, devices, reveal

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_LONGEST_WAIT = 86400
_PIN = click.option("--pin-file", type=_FILE, help="File with six digits, which unlock a Mac.")
_WAIT = click.option(
    "--wait",
    type=click.IntRange(0, _LONGEST_WAIT),
    default=0,
    help="Seconds to wait for the answer; exit code 1 unless it was carried out.",
)


@group.command("lock")
@click.argument("device")
@click.option("--message", help="Shown on the locked screen.")
@click.option("--phone-number", help="Shown there, too.")
@_PIN
@click.option("--new-pin", is_flag=True, help="Draw a PIN for this Mac, and print it.")
@_WAIT
@asks
def lock(
    device: str, *, pin_file: Path | None, new_pin: bool, wait: int, yes: bool, **given: Any
) -> None:
    """Lock the screen of a device; a Mac needs a PIN, and restarts."""
    args = {name: value for name, value in given.items() if value is not None}
    drawn = f"{secrets.randbelow(10**6):06}" if new_pin else None
    if pin := _pin(pin_file) or drawn:
        args["pin"] = pin
    row = one_device(device, registry["DeviceLock"].permission)
    ask(f"Lock {called(row)} now?", yes=yes)
    _order(row, "DeviceLock", args, wait=wait, drawn=drawn)


@group.command("erase")
@click.argument("device")
@_PIN
@click.option("--disallow-proximity-setup", is_flag=True, help="No setup by a device nearby.")
@click.option("--preserve-data-plan", is_flag=True, help="Keep the eSIM.")
@_WAIT
@asks
def erase(device: str, *, pin_file: Path | None, wait: int, yes: bool, **given: bool) -> None:
    """Erase a device: everything on it is lost."""
    args: dict[str, Any] = {name: True for name, value in given.items() if value}
    if pin := _pin(pin_file):
        args["pin"] = pin
    row = one_device(device, registry["EraseDevice"].permission)
    ask(f"Erase {called(row)}? Everything on it is lost.", yes=yes)
    _order(row, "EraseDevice", args, wait=wait)


@group.command("pin")
@click.argument("device")
@click.option("--all", "every", is_flag=True, help="Every PIN it ever had, the newest first.")
def pin(device: str, *, every: bool) -> None:
    """Reveal the PIN that a Mac was locked or erased with; that is in the audit."""
    found = one_device(device, reveal.VIEW_LOCK_PIN)
    with db.transaction():
        shown = reveal.lock_pins(operator(), found, all_versions=every)
    rows = [{**dataclasses.asdict(one), "created_at": one.created_at.isoformat()} for one in shown]
    say(
        rows,
        [f"{row['value']}  {row['kind']} of {row['created_at']}, {row['state']}" for row in rows],
    )


@group.command("send")
@click.argument("device")
@click.argument("command", metavar="COMMAND")
@click.option("--args", "text", default="{}", help="Arguments: a JSON object, or @FILE.")
@click.option("--user", help="The short name of the user whose channel it is for.")
@_WAIT
@asks
def send(device: str, command: str, *, text: str, user: str | None, wait: int, yes: bool) -> None:
    """Send any command; `flask zmdm command types` lists them with their arguments."""
    found = registry.get(command)
    if found is None or not found.manual:
        raise NotFound(f"there is no command {command}; see `flask zmdm command types`")
    args = command_queue.load_args(found, json_object(text))
    row = one_device(device, found.permission_for(args))
    if not found.repeat or found.fast_lane:
        ask(f"Send {found.wire_type(args)} to {called(row)}?", yes=yes)
    _order(row, command, found.store(args), wait=wait, user=user)


def json_object(text: str) -> dict[str, Any]:
    """What --args says; Refused unless it is a JSON object."""
    try:
        given = Path(text[1:]).read_text("utf-8") if text.startswith("@") else text
        loaded = json.loads(given)
    except OSError as error:
        raise Refused("args", f"the file cannot be read ({type(error).__name__})") from error
    except (ValueError, RecursionError) as error:
        raise Refused("args", "is no JSON") from error
    if not isinstance(loaded, dict):
        raise Refused("args", "must be a JSON object")
    return loaded


def _order(
    device: Device,
    name: str,
    args: dict[str, Any],
    *,
    wait: int,
    user: str | None = None,
    drawn: str | None = None,
) -> None:
    command: type[Command] = registry[name]
    access.demand(
        operator(), command.permission_for(command_queue.load_args(command, args)), device
    )
    device_id = device.id
    channel_id = _user_channel(device_id, user) if user else None
    with db.transaction():
        channel = devices.channel(device_id, channel_id=channel_id)
        row = command_queue.enqueue(channel, name, args, actor=operator())
        audit.record(operator(), "command.queue", row, after=audit.snapshot(row))
        uuid = row.uid
    if wait:
        _wait(uuid, wait)
    shown = plain(uuid)
    lines = [f"{name} {uuid}: {shown['state']} {shown['status'] or ''}".rstrip()]
    if drawn:
        shown["pin"] = drawn
        lines.append(f"The PIN is {drawn}; `flask zmdm device pin` reveals it again.")
    say(shown, lines)
    if wait and shown["state"] != "acknowledged":
        raise SystemExit(1)


def _wait(uuid: str, seconds: int) -> None:
    """Until the command has ended, or for so long."""
    begun = time.monotonic()
    with progress("Waiting for the device", seconds) as bar:
        while (waited := time.monotonic() - begun) < seconds:
            db.session().rollback()
            if command_history.row(uuid).finished_at is not None:
                break
            to(bar, int(waited))
            time.sleep(min(1.0, seconds - waited))
    db.session().rollback()


def _user_channel(device_id: int, name: str) -> int:
    query = sa.select(Channel.id).where(
        Channel.device_id == device_id, Channel.user_short_name == name
    )
    found = db.session().scalars(query.limit(2)).all()
    if len(found) != 1:
        raise NotFound(f"{len(found)} managed users of the device are called {name}")
    return found[0]


def _pin(file: Path | None) -> str | None:
    return file.read_text("utf-8").strip() if file else None
