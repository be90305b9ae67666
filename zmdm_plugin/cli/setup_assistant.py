"""flask zmdm device setup | release: devices that wait in Setup Assistant."""

from __future__ import annotations

import click

from zmdm_plugin import db
from zmdm_plugin.blueprints.api.schemas.setup_assistant import SetupAssistantSchema
from zmdm_plugin.cli.asking import called, one_device
from zmdm_plugin.cli.devices import group
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.cli.output import say
from zmdm_plugin.commands import registry
from zmdm_plugin.services import access, audit
from zmdm_plugin.services.setup import awaiting
from zmdm_plugin.services.setup.values import DEVICE


@group.command("setup")
@click.argument("device")
def show(device: str) -> None:
    """Whether a device waits in Setup Assistant, and for what."""
    found = awaiting.of(one_device(device, access.VIEW_DEVICES))
    said = "it does not wait in Setup Assistant"
    if found.since and found.until:
        said = f"waits since {found.since:%H:%M}, at most until {found.until:%H:%M} (UTC)"
    say(SetupAssistantSchema().dump(found), f"{said}. {found.waits_for}".strip(". "))


@group.command("release")
@click.argument("device")
def release(device: str) -> None:
    """Let a device go on in Setup Assistant now, whatever it still waits for."""
    found = one_device(device, registry[DEVICE].permission)
    with db.transaction():
        row = awaiting.release(found, operator())
        audit.record(operator(), "setup.release", row, after=audit.snapshot(row))
        plain = {"device": found.id, "command": row.uid}
    say(plain, f"{called(found)} is being woken, and goes on in Setup Assistant")
