"""flask zmdm doctor: whether this server is fit to manage devices."""

from __future__ import annotations

import dataclasses
import json

import click

from zmdm_plugin.cli.groups import speaks_plainly, zmdm
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import doctor
from zmdm_plugin.web import probe

_MARKS = {"good": ("ok  ", "green"), "warn": ("warn", "yellow"), "bad": ("BAD ", "red")}


@zmdm.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="A JSON object instead of lines.")
@speaks_plainly
def examine(as_json: bool) -> None:
    """Look at everything that devices depend on; exit code 1 if something is broken."""
    found = doctor.examine(now=utcnow(), through_application=probe.unsigned_device_request)
    worst = doctor.worst(found)
    if as_json:
        listed = [dataclasses.asdict(one) for one in found]
        click.echo(json.dumps({"state": worst, "findings": listed}, indent=2))
    else:
        for one in found:
            mark, color = _MARKS[one.state]
            click.echo(f"{click.style(mark, fg=color)}  {one.name}: {one.says}")
            if one.do:
                click.echo(f"      {one.do}")
    if worst == doctor.State.BAD:
        raise SystemExit(1)
