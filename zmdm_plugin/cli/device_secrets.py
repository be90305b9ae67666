"""flask zmdm device secrets, reveal and replace: what is kept of a device's secrets."""

from __future__ import annotations

import dataclasses

import click

from zmdm_plugin import db
from zmdm_plugin.cli.asking import called, one_device
from zmdm_plugin.cli.devices import group
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.cli.output import say, table
from zmdm_plugin.services import access, devices, reveal
from zmdm_plugin.services.protection import by_hand, health, replacing

_NAME = click.Choice(tuple(reveal.SECRETS))
_COLUMNS = ("name", "state", "confirmed_at", "verified_at", "rotate_at", "problem", "error")


@group.command("secrets")
@click.argument("device")
def list_secrets(device: str) -> None:
    """List which secrets of a device are kept, and what is wrong with them."""
    row = one_device(device, access.VIEW_DEVICES)
    found = [dataclasses.asdict(one) for one in health.of(row)]
    table(found, _COLUMNS, empty="nothing is kept")


@group.command("reveal")
@click.argument("device")
@click.argument("secret", type=_NAME)
@click.option("--all", "every", is_flag=True, help="Every version there ever was.")
def show(device: str, secret: str, *, every: bool) -> None:
    """Reveal a secret of a device; that is in the audit."""
    wanted = reveal.find(secret)
    row = one_device(device, wanted.permission)
    with db.transaction():
        found = reveal.reveal(operator(), row, wanted, all_versions=every)
    rows = [
        {
            **dataclasses.asdict(one),
            **{
                name: moment.isoformat() if (moment := getattr(one, name)) else None
                for name in ("created_at", "verified_at", "rotate_at")
            },
        }
        for one in found
    ]
    say(rows, [f"{one['value']}  {one['state']}, of {one['created_at']}" for one in rows])


@group.command("replace")
@click.argument("device")
@click.argument("secret", type=click.Choice(replacing.ASKABLE))
def replace(device: str, secret: str) -> None:
    """Replace a secret of a device (or fetch its bypass code, or put its FileVault profile on
    again) as soon as the device comes by."""
    row = one_device(device, access.CHANGE_SECRETS)
    with db.transaction():
        replacing.replace(operator(), devices.locked(row.id), secret)
    say({"device": row.id, "secret": secret}, f"{called(row)} is woken for it")


@group.command("set-recovery-password")
@click.argument("device")
@click.password_option(help="8 to 32 characters; asked for unless it is given.")
def set_recovery_password(device: str, password: str) -> None:
    """Set a recovery password of one's own on a Mac as soon as it comes by."""
    row = one_device(device, access.CHANGE_SECRETS)
    with db.transaction():
        by_hand.set_recovery_password(operator(), devices.locked(row.id), password)
    say({"device": row.id, "secret": "recovery_password"}, f"{called(row)} is woken for it")
