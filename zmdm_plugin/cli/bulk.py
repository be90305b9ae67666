"""flask zmdm device bulk: one order to many devices, with a progress bar."""

from __future__ import annotations

from typing import Any

import click

from zmdm_plugin import db
from zmdm_plugin.blueprints.api.schemas.tasks import result
from zmdm_plugin.cli.asking import ID, chosen, which_devices
from zmdm_plugin.cli.devices import group
from zmdm_plugin.cli.job_runs import follow
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.cli.orders import json_object
from zmdm_plugin.cli.output import ask, asks, say
from zmdm_plugin.errors import Refused
from zmdm_plugin.services import access, bulk, bulk_actions
from zmdm_plugin.services.bulk import Which
from zmdm_plugin.services.device_filter import DeviceFilter


@group.command("bulk")
@click.argument("action", metavar="ACTION")
@which_devices
@click.option("--id", "ids", type=ID, multiple=True, help="This device; repeat it for more.")
@click.option("--every-device", is_flag=True, help="Needed where no filter is given.")
@click.option("--args", "text", default="{}", help="Arguments: a JSON object, or @FILE.")
@click.option("--wait", is_flag=True, help="Follow it until it has ended; exit code 1 if it fails.")
@asks
def order(
    action: str,
    *,
    ids: tuple[int, ...],
    every_device: bool,
    text: str,
    wait: bool,
    yes: bool,
    **asked: Any,
) -> None:
    """Order something of all devices that match: wake, block, archive, tag …, or send a command.

    Commands are named like command:RestartDevice; `bulk-actions` lists them all.
    """
    args = json_object(text)
    permission = bulk_actions.prepare(action, args).permission
    access.demand(operator(), permission)
    which = _which(ids, chosen(asked), every_device=every_device)
    counted = bulk.count(operator(), which)
    ask(f"{action}: {counted.number:,} devices?", yes=yes)
    with db.transaction():
        run = bulk.start(operator(), action, which, args=args, confirmed=counted.number)
        uid, plain = run.uid, result(run)
    if wait:
        follow(uid)
        return
    say(plain, f"{counted.number:,} devices; follow it with `flask zmdm job watch {uid}`")


@group.command("bulk-actions")
def actions() -> None:
    """List what can be ordered of many devices at once."""
    say(bulk_actions.names(), bulk_actions.names())


def _which(ids: tuple[int, ...], asked: DeviceFilter, *, every_device: bool) -> Which:
    if ids and asked != DeviceFilter():
        raise Refused("ids", "choose devices by id or by filter, not both")
    if ids:
        return Which(ids=ids)
    if asked == DeviceFilter() and not every_device:
        raise Refused("filter", "say which devices, or --every-device")
    return Which(filter=asked, up_to=bulk.count(operator(), asked).up_to)
