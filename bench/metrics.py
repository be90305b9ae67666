"""What one scrape of /metrics/mdm/ costs, of this process and of PostgreSQL.

    python -m bench.metrics [--devices 100000] [--artifacts 5] [--events 1000000] [--rounds 7]

Devices with a channel each, artifacts on each of them, an enrollment session for each, a command
that waits for every tenth and a finished one for all, and a million events, most of them counted
already by the job as they are on a server. The page is made anew each time; Redis keeps nothing.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from bench import report
from bench.report import Row
from bench.staging import cpu, database_in, tidy
from tests import hosts
from tests.copies import copy_device
from tests.road import Road, factory_anchor, lay_road
from zmdm_plugin import db
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.artifacts import artifacts as artifact_service
from zmdm_plugin.services.metrics import counters, kept, page

BAR = 200.0
"""Milliseconds of CPU."""
FRESH = 5_000
"""Events that the job has not counted yet: two minutes of a busy fleet."""
_FILL = (
    """INSERT INTO zmdm_channel_artifact (uid, channel_id, artifact_id, status, via, install_count,
           attempts, retry_count, reinstall_count, checks, created_at, updated_at)
       SELECT gen_random_uuid(), c.id, a.id,
           CASE (c.id + a.id) % 5 WHEN 0 THEN 'pending' WHEN 1 THEN 'failed' ELSE 'installed' END,
           'command', 1, 0, 0, 0, 0, now(), now()
       FROM zmdm_channel c, zmdm_artifact a""",
    """INSERT INTO zmdm_enrollment_session (uid, enrollment_id, device_id, kind, state, created_at,
           updated_at)
       SELECT gen_random_uuid(), (SELECT min(id) FROM zmdm_enrollment), d.id, 'ota', 'completed',
           now(), now() FROM zmdm_device d""",
    """INSERT INTO zmdm_command (uid, channel_id, device_id, name, request_type, args, lane,
           repeatable, state, delivery_count, not_now_count, unreadable, finished_at, created_at,
           updated_at)
       SELECT gen_random_uuid(), c.id, c.device_id, 'ProfileList', 'ProfileList', '{{}}', 1, true,
           CASE WHEN n = 0 THEN 'queued' ELSE 'acknowledged' END, 1, 0, false,
           CASE WHEN n = 0 THEN NULL ELSE now() END, now(), now()
       FROM zmdm_channel c, generate_series(0, 1) n WHERE n = 1 OR c.id % 10 = 0""",
    """INSERT INTO zmdm_event (kind, device_id, payload, created_at)
       SELECT (ARRAY['command.sent', 'command.answered', 'artifact.installed'])[1 + n % 3],
           (SELECT min(id) FROM zmdm_device), '{{"state": "acknowledged"}}',
           now() - CASE WHEN n <= {old} THEN interval '1 hour' ELSE interval '0' END
       FROM generate_series(1, {events}) n""",
)


def fill(road: Road, *, devices: int, artifacts: int, events: int) -> None:
    """The whole fleet, set-based."""
    first = road.enrolled()
    first.connect()
    copy_device(road, first, first=1, last=devices - 1)
    with road.app.app_context(), db.transaction():
        for number in range(artifacts):
            artifact_service.create("profile", f"bench {number}")
    numbers = {"events": events, "old": events - FRESH}
    for statement in _FILL:
        with road.app.app_context(), db.transaction() as session:
            session.connection().exec_driver_sql(statement.format(**numbers).replace("%", "%%"))
    with road.app.app_context():
        more = True
        while more:
            with db.transaction():
                more = counters.count(now=utcnow())
    tidy(road)


def refresh(road: Road, database: int | None) -> float:
    """CPU milliseconds of the job's pass over the fleet, once a minute, of both processes."""
    server, postgres = time.process_time(), cpu(database)
    with road.app.app_context(), db.transaction():
        kept.refresh(now=utcnow())
    return (time.process_time() - server + cpu(database) - postgres) * 1000


def scrape(road: Road, database: int | None) -> tuple[float, float]:
    """CPU milliseconds of this process and of the database for ten pages, for one of them."""
    server, postgres = time.process_time(), cpu(database)
    with road.app.app_context():
        for _ in range(10):
            page.fresh(now=utcnow())
            db.session().rollback()
    return (time.process_time() - server) * 100, (cpu(database) - postgres) * 100


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=100_000)
    parser.add_argument("--artifacts", type=int, default=5)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="zmdm-bench-")))
        uri, database = database_in("postgresql", folder, stack)
        hosts.migrate(uri)
        app = hosts.make_app(uri, ZMDM_DEVICE_ANCHORS=factory_anchor())
        stack.callback(hosts.close, app)
        road = stack.enter_context(lay_road(app))
        fill(road, devices=options.devices, artifacts=options.artifacts, events=options.events)
        passes = median(refresh(road, database) for _ in range(options.rounds))
        scrape(road, database)
        costs = [scrape(road, database) for _ in range(options.rounds)]
    own, postgres = (median(part) for part in zip(*costs, strict=True))
    met = own + postgres <= BAR
    what = f"a scrape, postgresql, {options.devices:,} devices"
    row = Row(benchmark="metrics", what=what, cpu_ms=own + postgres, bar=f"{BAR:g} ms", met=met)
    line = f"and the job's pass over the fleet, once a minute, {passes:.0f} ms"
    report.add(
        row, f"{own + postgres:.0f} ms CPU (server {own:.0f}, database {postgres:.0f}); {line}"
    )
    return int(not met)


if __name__ == "__main__":
    raise SystemExit(main())
