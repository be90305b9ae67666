"""flask zmdm alerts …: what is wrong, looking for it without a worker, and trying the mail."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import click

from zmdm_plugin import db
from zmdm_plugin.cli.groups import Topic, zmdm
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.cli.output import say
from zmdm_plugin.jobs import alerts as job
from zmdm_plugin.models import Alert
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access, audit
from zmdm_plugin.services.alerts import handling, kinds, sending

group = Topic("alerts", help="What people must hear of.")
zmdm.add_command(group)
_MARKS = {"warning": ("warning ", "yellow"), "critical": ("CRITICAL", "red")}


@group.command("list")
@click.option("--state", type=click.Choice(handling.STATES), default="open", show_default=True)
def list_alerts(*, state: str) -> None:
    """List alerts, the newest first, with what to do."""
    access.demand(operator(), access.VIEW_ALERTS)
    now = utcnow()
    rows = handling.page(now=now, state=state, limit=500).items
    dead = handling.standing(now=now).dead if state == "open" else ()
    listed = [_plain(row, handling.state_of(row, now=now)) for row in rows]
    listed += [_words(one.kind, one.name, str(one.severity), one.facts) for one in dead]
    say(listed, _lines(listed))


@group.command("check")
def check() -> None:
    """Look for what is wrong and tell of it, without worker or scheduler: for a cron line."""
    changes = job.check()
    said = f"{changes.open} open: {changes.opened} new, {changes.worse} worse, "
    said += f"{changes.again} again, {changes.cleared} over"
    say(dataclasses.asdict(changes), said)


@group.command("test-mail")
def test_mail() -> None:
    """Send a test to everybody who is told of alerts."""
    access.demand(operator(), access.CHANGE_ALERTS)
    sending.test(now=utcnow())
    with db.transaction():
        audit.record(operator(), "alert.test_mail")
    to = sending.recipients()
    say({"to": to}, f"sent to {', '.join(to)}")


def _plain(row: Alert, state: str) -> dict[str, Any]:
    about = {"id": row.id, "state": state, "opened_at": row.opened_at.isoformat()}
    return {**about, **_words(row.kind, row.name, row.severity, row.facts)}


def _words(kind: str, name: str, severity: str, facts: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "severity": severity,
        "title": kinds.of(kind).title,
        "name": name,
        "says": kinds.says(kind, facts),
        "do": kinds.do(kind, facts),
    }


def _lines(listed: list[dict[str, Any]]) -> Iterator[str]:
    if not listed:
        yield "there are none"
    for one in listed:
        mark, color = _MARKS[one["severity"]]
        name = f": {one['name']}" if one["name"] else ""
        yield f"{click.style(mark, fg=color)}  {one['title']}{name}. {one['says']}"
        yield f"          {one['do']}"
