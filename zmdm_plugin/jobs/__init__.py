"""RQ entry points: ids in, transaction, service, out.

`JOBS` names every job; RQ knows one function only, `run`, so that what lies in Redis is a name and
ids. A job may run twice and works in slices of at most a minute that defer the next one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from zmdm_plugin import queues
from zmdm_plugin.config import Settings
from zmdm_plugin.db import outages
from zmdm_plugin.errors import Unavailable
from zmdm_plugin.jobs import (
    account,
    ade,
    apps_books,
    beats,
    bulk,
    declarations,
    dep,
    fleet,
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
    "apps_books.bulk": apps_books.run_bulk,
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
    "dep.sync": dep.sync,
    "dep.want": dep.want,
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
    "apps_books.look": lambda _settings: apps_books.PERIOD,
    "beats.ask": lambda _settings: beats.PERIOD,
    "declarations.tidy": lambda _settings: declarations.PERIOD,
    "dep.beat": lambda _settings: dep.PERIOD,
    "packages.tidy": lambda _settings: packages.PERIOD,
    "retention.start": lambda _settings: retention.PERIOD,
    "software_updates.daily": lambda _settings: software_updates.PERIOD,
    "sweep": lambda settings: settings.sweep_interval,
}
"""job -> its period in seconds. The scheduler runs these itself: they need no Redis."""


def run(job: str, ids: list[int | str], once: str | None = None) -> None:
    """What RQ calls, inside an application context: look the job up and run it.

    An outage is no failure of the job: what is due stays so, and the sweep defers it again.
    """
    queues.started(once)
    try:
        with outages():
            JOBS[job](*ids)
    except Unavailable as error:
        log.warning("job %s is put off: %s", job, error)
