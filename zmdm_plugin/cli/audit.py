"""flask zmdm audit …: who did what, without a browser."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from zmdm_plugin import db
from zmdm_plugin.blueprints.api.schemas.audit import AuditEntrySchema
from zmdm_plugin.cli.asking import ID, LIMIT, aware
from zmdm_plugin.cli.groups import Topic, wants_json, zmdm
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.cli.output import progress, say, table
from zmdm_plugin.errors import Refused
from zmdm_plugin.services import access, audit_log, export_formats
from zmdm_plugin.services.audit_log import AuditFilter

group = Topic("audit", help="Who did what.")
zmdm.add_command(group)

_FILTERS = (
    click.option("--actor", help="An actor's id or label, exactly."),
    click.option("--token", type=ID, help="The id of an API token."),
    click.option("--action", help="Exactly this action, e.g. device.block."),
    click.option("--device", type=ID, help="The id of a device."),
    click.option("--serial-number", help="Exactly this serial number."),
    click.option("--source-ip", help="Exactly this address."),
    click.option("--after", "created_after", type=click.DateTime(), help="Not earlier (UTC)."),
    click.option("--before", "created_before", type=click.DateTime(), help="Earlier (UTC)."),
)
_COLUMNS = ("created_at", "actor_label", "action", "object_label", "serial_number", "source_ip")


def _filtered(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_FILTERS):
        command = option(command)
    return command


@group.command("list")
@_filtered
@LIMIT
def listing(*, limit: int, **asked: Any) -> None:
    """List entries, the newest first."""
    access.demand(operator(), access.VIEW_AUDIT)
    found = audit_log.page(operator(), AuditFilter(**aware(asked)), limit=limit).items
    table(AuditEntrySchema(many=True).dump(found), _COLUMNS, empty="no entry matches")


@group.command("export")
@click.option("--format", "kind", type=click.Choice(export_formats.KINDS), default="jsonl")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path))
@_filtered
def export(*, kind: str, output: Path | None, **asked: Any) -> None:
    """Write entries, the oldest first (to standard output without -o), as JSON Lines or CSV.

    With --json and without -o they are one JSON array.
    """
    access.demand(operator(), access.VIEW_AUDIT)
    if output is not None and output.exists():
        raise Refused("output", f"{output} is there already")
    if output is None and wants_json() and kind != "jsonl":
        raise Refused("format", "CSV is no JSON: name a file with -o")
    with db.transaction():
        parts = audit_log.export(operator(), AuditFilter(**aware(asked)), kind)
    if output is None:
        for part in _array(parts) if wants_json() else parts:
            sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()
        return
    size = _write(output, parts)
    say({"output": str(output), "bytes": size}, f"wrote {output}")


def _write(output: Path, parts: Iterable[bytes]) -> int:
    """Write a new file; the bar counts parts, for nobody has counted entries."""
    size = 0
    with output.open("xb") as file, progress("Exporting", None) as bar:
        for part in parts:
            size += file.write(part)
            bar.length = (bar.length or 0) + 1
            bar.update(1)
    return size


def _array(parts: Iterable[bytes]) -> Iterator[bytes]:
    """JSON Lines as one array."""
    between = b"[\n"
    for part in parts:
        for line in part.splitlines():
            yield between + line
            between = b",\n"
    yield b"[]\n" if between == b"[\n" else b"\n]\n"
