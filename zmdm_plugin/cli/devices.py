"""flask zmdm device …: the devices, what is known of them, and what changes their state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from zmdm_plugin import db
from zmdm_plugin.blueprints.api.schemas.devices import ChannelSchema, DeviceSchema
from zmdm_plugin.cli.asking import LIMIT, called, chosen, one_device, which_devices
from zmdm_plugin.cli.groups import Topic, zmdm
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.cli.output import ask, asks, card, say, table
from zmdm_plugin.errors import Conflict
from zmdm_plugin.models import Device
from zmdm_plugin.services import access, audit, devices, release, tags, wake
from zmdm_plugin.services.keyset import MAX_LIMIT

group = Topic("device", help="Devices. DEVICE is a serial number, a UDID or an id.")
zmdm.add_command(group)

_COLUMNS = ("id", "serial_number", "name", "platform", "os_version", "last_seen_at", "blocked_at")


@group.command("list")
@which_devices
@click.option("--ordering", type=click.Choice(devices.KEYSET.orderings), default="id")
@LIMIT
@click.option("--all", "everything", is_flag=True, help="All of them, whatever --limit says.")
def list_devices(*, ordering: str, limit: int, everything: bool, **asked: Any) -> None:
    """List devices."""
    access.demand(operator(), access.VIEW_DEVICES)
    rows: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = devices.page(
            operator(),
            chosen(asked),
            ordering=ordering,
            cursor=cursor,
            limit=MAX_LIMIT if everything else limit,
        )
        rows += [_plain(shown) for shown in page.items]
        cursor = page.next_cursor
        if cursor is None or not everything:
            break
        db.session().expunge_all()
    table(rows, _COLUMNS, empty="no device matches")
    if cursor is not None:
        click.echo(f"there are more than {limit}: see --limit and --all", err=True)


@group.command("show")
@click.argument("device")
def show(device: str) -> None:
    """Show all that is known of a device."""
    row = one_device(device, access.VIEW_DEVICES)
    card({**_plain(devices.get(row.id)), "tags": _tags(row)})


@group.command("users")
@click.argument("device")
def users(device: str) -> None:
    """List the users of a device whose channel is managed."""
    row = one_device(device, access.VIEW_DEVICES)
    found = [one for one in devices.channels(row.id) if one.kind == "user"]
    rows: list[dict[str, Any]] = ChannelSchema(many=True).dump(found)
    columns = ("id", "user_short_name", "user_long_name", "enrolled_at", "ended_at", "last_seen_at")
    table(rows, columns, empty="no user of it is managed")


@group.command("poke")
@click.argument("device")
def poke(device: str) -> None:
    """Wake a device: it is sent a push, and asks for commands when that arrives."""
    _change(device, "device.poke", _wake, "is being woken")


@group.command("block")
@click.argument("device")
@asks
def block(device: str, *, yes: bool) -> None:
    """Release a device from management at its next request, and let it in no more."""
    row = one_device(device, access.CHANGE_DEVICES)
    ask(f"Release {called(row)} from management, and let it in no more?", yes=yes)
    _change(device, "device.block", release.block, "is blocked")


@group.command("unblock")
@click.argument("device")
def unblock(device: str) -> None:
    """Let a blocked device enroll again."""
    _change(device, "device.unblock", release.unblock, "may enroll again")


@group.command("tag")
@click.argument("device")
@click.argument("names", nargs=-1, required=True, metavar="TAG…")
@click.option("--remove", is_flag=True, help="Take them off instead.")
def tag(device: str, names: tuple[str, ...], *, remove: bool) -> None:
    """Put tags on a device."""
    found = one_device(device, access.CHANGE_DEVICES)
    with db.transaction():
        row = devices.locked(found.id)
        change, action = (tags.take, "device.untag") if remove else (tags.put, "device.tag")
        for one in tags.called(names):
            if change(row, one):
                audit.record(operator(), action, row, reason=one.name)
        now = _tags(row)
        said = f"{called(row)}: {', '.join(now) or 'no tags'}"
    say({"device": found.id, "tags": now}, said)


def _wake(device: Device) -> None:
    channel = devices.channel(device.id)
    if channel.push_token is None or channel.ended_at is not None:
        raise Conflict("the device is not enrolled, so it cannot be woken")
    wake.channel(channel)


def _change(word: str, action: str, change: Callable[[Device], object], done: str) -> None:
    found = one_device(word, access.CHANGE_DEVICES)
    with db.transaction():
        row = devices.locked(found.id)
        before = {"blocked_at": row.blocked_at}
        change(row)
        after = {"blocked_at": row.blocked_at}
        audit.record(operator(), action, row, before=before, after=after)
    say(_plain(devices.get(found.id)), f"{called(found)} {done}")


def _tags(device: Device) -> list[str]:
    return [one.name for one in tags.of([device.id]).get(device.id, [])]


def _plain(shown: devices.Shown) -> dict[str, Any]:
    plain: dict[str, Any] = DeviceSchema().dump(shown)
    return plain
