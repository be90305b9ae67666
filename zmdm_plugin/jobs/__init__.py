"""RQ entry points: ids in, transaction, service, out.

`JOBS` names every job; RQ knows one function only, `run`, so that what lies in Redis is a name and
ids. A job may run twice and works in slices of at most a minute that defer the next one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from zmdm_plugin import origin, queues
from zmdm_plugin.config import Settings
from zmdm_plugin.db import outages
from zmdm_plugin.errors import Unavailable
from zmdm_plugin.jobs import (
    account,
    ade,
    alerts,
    apps_books,
    beats,
    bulk,
    declarations,
    dep,
    fleet,
    metrics,
    packages,
    push,
    retention,
    secrets,
    software_updates,
    webhooks,
)

log = logging.getLogger(__name__)

JOBS: dict[str, Callable[..., None]] = {
    "account.look": account.look,
    "account.probe": account.probe,
    "ade.define": ade.define,
    "ade.retry": ade.retry,
    "alerts.look": alerts.look,
    "alerts.probe": alerts.probe,
    "alerts.probe_soon": alerts.probe_soon,
    "apps_books.bulk": apps_books.run_bulk,
    "apps_books.forget": apps_books.forget,
    "apps_books.look": apps_books.look,
    "apps_books.metadata": apps_books.fetch_metadata,
    "apps_books.sync": apps_books.sync,
    "apps_books.tell": apps_books.tell,
    "apps_books.work": apps_books.work,
    "beat": beats.beat,
    "beats.ask": beats.ask,
    "bulk.run": bulk.run,
    "declarations.tidy": declarations.tidy,
    "dep.assign": dep.assign,
    "dep.beat": dep.beat,
    "dep.forget": dep.forget,
    "dep.sync": dep.sync,
    "dep.want": dep.want,
    "licences.walk": apps_books.walk_scopes,
    "metrics.count": metrics.count,
    "packages.count": packages.count,
    "packages.fetch": packages.fetch,
    "packages.tidy": packages.tidy,
    "push.beat": beats.push_beat,
    "push.flush": push.flush,
    "retention.run": retention.run,
    "retention.start": retention.start,
    "secrets.reseal": secrets.reseal,
    "software_updates.daily": software_updates.daily,
    "software_updates.sync": software_updates.sync,
    "sweep": fleet.sweep,
    "wake.fan_out": fleet.fan_out,
    "webhooks.deliver": webhooks.deliver,
}

SCHEDULE: dict[str, Callable[[Settings], int]] = {
    "account.look": lambda _settings: account.PERIOD,
    "ade.retry": lambda _settings: ade.PERIOD,
    "alerts.look": lambda _settings: alerts.PERIOD,
    "alerts.probe_soon": lambda _settings: alerts.PROBE_PERIOD,
    "apps_books.look": lambda _settings: apps_books.PERIOD,
    "beats.ask": lambda _settings: beats.PERIOD,
    "declarations.tidy": lambda _settings: declarations.PERIOD,
    "dep.beat": lambda _settings: dep.PERIOD,
    "metrics.count": lambda _settings: metrics.PERIOD,
    "packages.count": lambda _settings: packages.COUNT_PERIOD,
    "packages.tidy": lambda _settings: packages.PERIOD,
    "retention.start": lambda _settings: retention.PERIOD,
    "software_updates.daily": lambda _settings: software_updates.PERIOD,
    "sweep": lambda settings: settings.sweep_interval,
}
"""job -> its period in seconds. The scheduler runs these itself: they need no Redis."""


def run(
    job: str, ids: list[int | str], once: str | None = None, request_id: str | None = None
) -> None:
    """What RQ calls, inside an application context: look the job up and run it.

    `request_id` is that of the request which it comes of: its log lines and what it defers have
    the same. An outage is no failure of the job: what is due stays so, and the sweep defers it
    again.
    """
    origin.came_from(origin.Origin(request_id=request_id or origin.new_request_id()))
    queues.started(once)
    try:
        with outages():
            JOBS[job](*ids)
    except Unavailable as error:
        log.warning("job %s is put off: %s", job, error)
    finally:
        origin.came_from(origin.NOWHERE)
