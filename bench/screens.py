"""What the screens and lists of an administrator cost, and how many statements they take.

    python -m bench.screens [--databases postgresql] [--sizes 1000 100000] [--times 10]

One operation is a page, rendered in this process through the whole application. Bars: 300 ms of
CPU in the server, and as many statements at the largest size as at the smallest.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask

from bench import report
from bench.push_flush import database
from bench.staging import arguments, cpu
from tests import fleet, hosts
from tests.api.world import make_token, statements
from zmdm_plugin import db
from zmdm_plugin.models import (
    Application,
    AuditEntry,
    Channel,
    ChannelCommand,
    Device,
    InstalledApplication,
)
from zmdm_plugin.services.applications import spread

Values = dict[Any, Any]
"""Column -> what it is given."""
BAR = 300.0
COMMANDS = ("DeviceInformation", "SecurityInfo", "ProfileList", "DeviceLock")
"""One of each for every device; the last one waits."""
_UID = {
    "sqlite": "lower(hex(randomblob(16)))",
    "postgresql": "replace(gen_random_uuid()::text, '-', '')",
}
PAGES = {
    "overview": "/mdm/",
    "devices": "/mdm/devices/",
    "devices, by serial number": "/mdm/devices/?order=-serial_number",
    "devices, filtered": "/mdm/devices/?platform=iOS&state=enrolled",
    "devices, not seen": "/mdm/devices/?state=enrolled&seen=not-7d",
    "devices, search": "/mdm/devices/?q=grace",
    "devices, search in vain": "/mdm/devices/?q=nobodyhasthis",
    "devices, serial number": "/mdm/devices/?q={serial}",
    "device page": "/mdm/devices/{device}/",
    "device, timeline": "/mdm/devices/{device}/timeline/",
    "device, commands": "/mdm/devices/{device}/commands/",
    "device, applications": "/mdm/devices/{device}/applications/",
    "commands": "/mdm/commands/",
    "commands, failed": "/mdm/commands/?state=failed",
    "commands, waiting": "/mdm/commands/?state=outstanding",
    "applications, a word that all have": "/mdm/applications/?q=example",
    "applications, a rare word": "/mdm/applications/?q=tool+4711",
    "applications, a word that 10,000 rare ones have": "/mdm/applications/?q=tool",
    "applications, a word in vain": "/mdm/applications/?q=nobodyhasthis",
    "applications, who has a common one": "/mdm/applications/?id=com.example.office.7",
    "applications, who has one version of it": "/mdm/applications/?id=com.example.office.7&v=3.0",
    "applications, who has a rare one": "/mdm/applications/?id=com.example.tool.4711",
    "events": "/mdm/events/",
    "audit": "/mdm/audit/",
    "audit, one action": "/mdm/audit/?action=device.block",
    "jobs": "/mdm/jobs/",
    "API: devices": "/api/mdm/devices/?limit=100",
    "API: devices, search": "/api/mdm/devices/?search=grace",
    "API: commands of a device": "/api/mdm/devices/{device}/commands/",
    "API: applications, a word that all have": "/api/mdm/applications/?search=example&limit=100",
    "API: applications, 10,000 rare ones": "/api/mdm/applications/?search=tool&limit=100",
    "API: applications, a rare word": "/api/mdm/applications/?search=tool+4711",
    "API: applications, one identifier": "/api/mdm/applications/?identifier=com.example.office.7",
    "API: audit": "/api/mdm/audit/?limit=100",
}


def main() -> int:
    options = arguments(__doc__ or "", times=10).parse_args()
    good = True
    for kind in options.databases:
        counted: dict[str, int] = {}
        for size in options.sizes:
            good &= run(kind, size, options.times, counted)
    return int(not good)


def run(kind: str, size: int, times: int, counted: dict[str, int]) -> bool:
    """Measure every page on one database; False if a bar is missed."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="zmdm-bench-")))
        uri, pid = stack.enter_context(database(kind, folder))
        app = hosts.make_app(uri)
        stack.callback(hosts.close, app)
        device = lay(app, size)
        headers = {"Authorization": f"Token {make_token(app)}"}
        good = True
        for name, path in PAGES.items():
            row = page(app, path.format(**device), headers, pid, times)
            wanted = counted.setdefault(name, row[2])
            met = row[0] <= BAR and row[2] <= wanted
            good &= met
            report.add(
                report.Row(
                    benchmark="screens",
                    what=f"{name}, {kind}, {size:,} devices",
                    cpu_ms=row[0] + row[1],
                    statements=row[2],
                    bar=f"{BAR:.0f} ms, {wanted} SQL",
                    met=met,
                ),
                f"{row[0]:.1f} ms CPU, database {row[1]:.1f} ms, {row[2]} statements",
            )
    return good


def page(
    app: Flask, path: str, headers: Mapping[str, str], pid: int | None, times: int
) -> tuple[float, float, int]:
    """CPU ms of the server and of the database for one page, and its statements."""
    client = app.test_client()
    given = dict(headers) if path.startswith("/api/") else {}
    for _warm_up in "12":
        with statements(app) as seen:
            answer = client.get(path, headers=given)
        if answer.status_code != 200:
            raise SystemExit(f"{path}: {answer.status}")
    server, other = time.process_time(), cpu(pid)
    for _ in range(times):
        client.get(path, headers=given)
    return (time.process_time() - server) / times * 1e3, (cpu(pid) - other) / times * 1e3, len(seen)


def lay(app: Flask, size: int) -> dict[str, object]:
    """A fleet with commands and an audit; a device of it that has told everything."""
    fleet.fill(app, size)
    fleet.live(app)
    with app.app_context():
        with db.transaction():
            for number, name in enumerate(COMMANDS):
                _commands(name, finished=number + 1 < len(COMMANDS))
            for action in ("device.block", "device.poke", "command.queue"):
                _entries(action)
            _applications()
        with db.engine().connect() as connection:
            connection.execute(sa.text("ANALYZE"))
            connection.commit()
        db.run_in_transaction(spread.count)
        device = db.session().scalars(sa.select(Device).where(Device.id == 1)).one()
        return {"device": device.id, "serial": device.serial_number}


def _commands(name: str, *, finished: bool) -> None:
    failed = sa.case((Channel.id % 50 == 0, "error"), else_="acknowledged")
    values: Values = {
        ChannelCommand.uid: sa.literal_column(_UID[db.engine().dialect.name]),
        ChannelCommand.channel_id: Channel.id,
        ChannelCommand.device_id: Channel.device_id,
        ChannelCommand.state: failed if finished else sa.literal("queued"),
        ChannelCommand.finished_at: Channel.created_at if finished else sa.null(),
        ChannelCommand.answered_at: Channel.created_at if finished else sa.null(),
        ChannelCommand.created_at: Channel.created_at,
        ChannelCommand.updated_at: Channel.created_at,
        **_fixed(ChannelCommand, name=name, request_type=name, args={}, lane=1, repeatable=True),
        **_fixed(ChannelCommand, delivery_count=1, not_now_count=0, unreadable=False),
    }
    _insert(ChannelCommand, values, sa.select(*values.values()).select_from(Channel))


def _applications() -> None:
    """Fifty on each device: forty that everybody has, in one of five versions, and ten that few
    have, of 10,000."""
    common = [_application("office", number, version) for number in range(40) for version in _FIVE]
    rare = [_application("tool", number, 1) for number in range(10_000)]
    rows = [{"id": number, **row} for number, row in enumerate([*common, *rare], 1)]
    if db.engine().dialect.name == "postgresql":  # ten million checks of foreign keys are minutes
        db.session().execute(sa.text("SET LOCAL session_replication_role = replica"))
    db.session().execute(sa.insert(Application), rows)
    last = len(common)
    for condition in (
        sa.and_(Application.id <= last, Application.id % 5 == Channel.id % 5),
        sa.and_(Application.id > last, Application.id % 1000 == Channel.id % 1000),
    ):
        values: Values = {
            InstalledApplication.channel_id: Channel.id,
            InstalledApplication.application_id: Application.id,
            InstalledApplication.identifier: Application.identifier,
            InstalledApplication.name: Application.name,
            InstalledApplication.version: Application.version,
            InstalledApplication.short_version: Application.short_version,
            InstalledApplication.seen_at: Channel.created_at,
            **_fixed(InstalledApplication, source="list", bundle_size=1_000_000, facts={}),
        }
        rows_of = sa.select(*values.values()).select_from(Channel).join(Application, condition)
        _insert(InstalledApplication, values, rows_of)


_FIVE = range(1, 6)


def _application(kind: str, number: int, version: int) -> Values:
    name, identifier = f"Example {kind.title()} {number}", f"com.example.{kind}.{number}"
    return {
        "digest": f"{kind}-{number}-{version}",
        "identifier": identifier,
        "name": name,
        "version": f"{version}00",
        "short_version": f"{version}.0",
        "search": f"{name} {identifier}".lower(),
    }


def _entries(action: str) -> None:
    values: Values = {
        AuditEntry.created_at: Device.created_at,
        AuditEntry.object_id: Device.id,
        AuditEntry.device_id: Device.id,
        AuditEntry.object_label: Device.serial_number,
        AuditEntry.serial_number: Device.serial_number,
        **_fixed(AuditEntry, actor_id="user:1", actor_label="admin@example.com"),
        **_fixed(AuditEntry, actor_kind="user", action=action, object_type="device"),
    }
    _insert(AuditEntry, values, sa.select(*values.values()).select_from(Device))


def _fixed(model: type, **values: object) -> Values:
    """The same in every row."""
    columns = {name: getattr(model, name) for name in values}
    return {columns[name]: sa.literal(value, columns[name].type) for name, value in values.items()}


def _insert(model: type, values: Values, rows: sa.Select[Any]) -> None:
    names = [column.key for column in values]
    db.session().execute(sa.insert(model).from_select(names, rows, include_defaults=False))


if __name__ == "__main__":
    raise SystemExit(main())
