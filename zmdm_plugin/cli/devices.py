"""flask zmdm device …: the devices, what is known of them, and what changes their state."""

from __future__ import annotations

from typing import Any

import click

from zmdm_plugin import db
from zmdm_plugin.blueprints.api.schemas.devices import ChannelSchema, DeviceSchema
from zmdm_plugin.blueprints.api.schemas.tasks import result
from zmdm_plugin.cli.asking import LIMIT, called, chosen, one_device, which_devices
from zmdm_plugin.cli.groups import Topic, zmdm
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.cli.output import ask, asks, card, say, table
from zmdm_plugin.models import Device
from zmdm_plugin.services import access, audit, bulk, deletion, device_changes, devices, tags
from zmdm_plugin.services.bulk import Which
from zmdm_plugin.services.bulk_actions import DELETE
from zmdm_plugin.services.keyset import MAX_LIMIT

group = Topic("device", help="Devices. DEVICE is a serial number, a UDID or an id.")
zmdm.add_command(group)

_COLUMNS = ("id", "serial_number", "name", "platform", "os_version", "last_seen_at", "state")


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
    _change(device, "poke")


@group.command("block")
@click.argument("device")
@asks
def block(device: str, *, yes: bool) -> None:
    """Release a device from management at its next request, and let it in no more."""
    _change(device, "block", yes=yes)


@group.command("unblock")
@click.argument("device")
def unblock(device: str) -> None:
    """Let a blocked device enroll again."""
    _change(device, "unblock")


@group.command("unenroll")
@click.argument("device")
@asks
def unenroll(device: str, *, yes: bool) -> None:
    """Ask a device to leave management; it may enroll again."""
    _change(device, "unenroll", yes=yes)


@group.command("stay")
@click.argument("device")
def stay(device: str) -> None:
    """Take back that a device was unenrolled or let go, before it has been told."""
    _change(device, "stay")


@group.command("let-go")
@click.argument("device")
@asks
def let_go(device: str, *, yes: bool) -> None:
    """Count on a device no longer that is gone, or does not leave when it is asked to."""
    _change(device, "release", yes=yes)


@group.command("archive")
@click.argument("device")
@asks
def archive(device: str, *, yes: bool) -> None:
    """Put a device that is no longer in use into the archive."""
    _change(device, "archive", yes=yes)


@group.command("unarchive")
@click.argument("device")
def unarchive(device: str) -> None:
    """Take a device out of the archive."""
    _change(device, "unarchive")


@group.command("delete")
@click.argument("device")
@click.option("--serial-number", required=True, help="Once more, so that the right one goes.")
@click.option("--despite-secrets", is_flag=True, help="Also where secrets may still open it.")
@asks
def delete(device: str, *, serial_number: str, despite_secrets: bool, yes: bool) -> None:
    """Delete a device that has left, with its history and its secrets, for good."""
    found = one_device(device, access.DELETE_DEVICES)
    deletion.confirm(found, serial_number)
    deletion.check(found, despite_secrets=despite_secrets)
    ask(f"Delete {called(found)} with all that is known of it, for good?", yes=yes)
    with db.transaction():
        which, args = Which(ids=(found.id,)), {"despite_secrets": despite_secrets}
        run = bulk.start(operator(), DELETE, which, args=args, confirmed=1)
        uid, plain = run.uid, result(run)
    say(plain, f"it is being deleted; follow it with `flask zmdm job watch {uid}`")


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


def _change(word: str, name: str, *, yes: bool = True) -> None:
    wanted = device_changes.CHANGES[name]
    found = one_device(word, wanted.permission)
    if wanted.asks:
        ask(f"{wanted.shown}: {called(found)}. {wanted.asks} Go on?", yes=yes)
    with db.transaction():
        device_changes.change(found.id, name, operator())
    say(_plain(devices.get(found.id)), f"{called(found)}: {wanted.done}")


def _tags(device: Device) -> list[str]:
    return [one.name for one in tags.of([device.id]).get(device.id, [])]


def _plain(shown: devices.Shown) -> dict[str, Any]:
    plain: dict[str, Any] = DeviceSchema().dump(shown)
    return plain
