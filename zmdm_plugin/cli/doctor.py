"""flask zmdm doctor: whether this server is fit to manage devices."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

import click

from zmdm_plugin.cli.groups import zmdm
from zmdm_plugin.cli.output import say
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import doctor
from zmdm_plugin.web import probe

_MARKS = {"good": ("ok  ", "green"), "warn": ("warn", "yellow"), "bad": ("BAD ", "red")}


@zmdm.command("doctor")
def examine() -> None:
    """Look at everything that devices depend on; exit code 1 if something is broken."""
    found = doctor.examine(now=utcnow(), through_application=probe.unsigned_device_request)
    worst = doctor.worst(found)
    listed = [dataclasses.asdict(one) for one in found]
    say({"state": worst, "findings": listed}, _lines(found))
    if worst == doctor.State.BAD:
        raise SystemExit(1)


def _lines(found: Iterable[doctor.Finding]) -> Iterator[str]:
    for one in found:
        mark, color = _MARKS[one.state]
        yield f"{click.style(mark, fg=color)}  {one.name}: {one.says}"
        if one.do:
            yield f"      {one.do}"
