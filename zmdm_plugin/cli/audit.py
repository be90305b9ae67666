"""flask zmdm audit …: who did what, without a browser."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup

from zmdm_plugin import db
from zmdm_plugin.cli.groups import speaks_plainly, zmdm
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.models.base import as_utc
from zmdm_plugin.services import audit_log
from zmdm_plugin.services.audit_log import AuditFilter

group = AppGroup("audit", help="Who did what.")
zmdm.add_command(group)

_ID = click.IntRange(1, 2**63 - 1)


@group.command("export")
@click.option("--format", "kind", type=click.Choice(audit_log.KINDS), default="jsonl")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--actor", help="An actor's id or label, exactly.")
@click.option("--token", type=_ID, help="The id of an API token.")
@click.option("--action", help="Exactly this action, e.g. device.block.")
@click.option("--device", type=_ID, help="The id of a device.")
@click.option("--serial-number", help="Exactly this serial number.")
@click.option("--source-ip", help="Exactly this address.")
@click.option("--after", "created_after", type=click.DateTime(), help="Not earlier (UTC).")
@click.option("--before", "created_before", type=click.DateTime(), help="Earlier (UTC).")
@speaks_plainly
def export(kind: str, output: Path | None, **asked: Any) -> None:
    """Write entries, the oldest first (to standard output without -o), as JSON Lines or CSV."""
    if output is not None and output.exists():
        raise click.ClickException(f"{output} is there already")
    given = {name: _aware(value) for name, value in asked.items()}
    with db.transaction():
        parts = audit_log.export(operator(), AuditFilter(**given), kind)
    if output is None:
        for part in parts:
            sys.stdout.buffer.write(part)
        return
    with output.open("xb") as file:
        for part in parts:
            file.write(part)
    click.echo(f"wrote {output}")


def _aware(value: Any) -> Any:
    return as_utc(value) if isinstance(value, datetime) else value
