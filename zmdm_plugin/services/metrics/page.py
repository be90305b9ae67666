"""/metrics/mdm/ in Prometheus' text format, made from the database: the same in every process.

Nothing is counted in a process, so that any number of them may be asked in any order. The text is
kept for some seconds in Redis, where there is one: several Prometheus servers cost as much as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

import redis
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from zmdm_plugin import queues
from zmdm_plugin.services.metrics import counters, gauges, kept

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_KEPT = "zmdm:metrics"
_KEPT_FOR = 5
"""Seconds."""


def text(*, now: datetime) -> bytes:
    """The page; from Redis if it was made a moment ago."""
    if (ready := _kept()) is not None:
        return ready
    made = fresh(now=now)
    _keep(made)
    return made


def fresh(*, now: datetime) -> bytes:
    """The page as it is now."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(now))
    return generate_latest(registry)


class _Families(Collector):
    """Every family, in a fixed order."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def describe(self) -> Iterable[Metric]:
        """Nothing: a name stands once, in this class."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Ask the database."""
        now = self._now
        yield from _passed_over(now)
        yield _gauge("commands", "Commands that are not finished.", "state", gauges.commands())
        yield _gauge("channels", "Channels by what pushes mean.", "push", gauges.channels())
        yield _gauge("job_runs", "Long work that is kept.", "job state", gauges.runs())
        yield _gauge(
            "webhook_deliveries", "Events to be told.", "webhook state", gauges.deliveries()
        )
        yield _gauge(
            "credential_days_left",
            "Days until a credential ends.",
            "credential name",
            gauges.credentials(now=now),
        )
        yield from _counted()
        yield from _queues(now)


def _passed_over(now: datetime) -> Iterator[Metric]:
    numbers = kept.numbers(now=now)
    for name, about, labels in (
        (kept.DEVICES, "Devices.", "platform state"),
        (
            kept.SEEN,
            "Enrolled devices that were seen within this time (to the hour).",
            "platform within",
        ),
        (kept.ARTIFACTS, "Artifacts on channels.", "status"),
        (kept.SESSIONS, "Enrollment sessions.", "kind state"),
    ):
        yield _gauge(name, about, labels, numbers.families[name].items())
    age = max(0.0, (now - numbers.at).total_seconds())
    about = "How old the numbers of devices, artifacts and sessions are."
    yield _gauge("counted_age_seconds", about, "", [((), age)])


def _counted() -> Iterator[Metric]:
    values = counters.read()
    for name, about, label in (
        (counters.EVENTS, "Events since this server began.", "kind"),
        (counters.COMMANDS, "Commands that devices answered, or that were lost.", "state"),
        (counters.PUSHES, "Pushes by what Apple answered.", "reason"),
    ):
        title = "commands_finished" if name == counters.COMMANDS else name
        family = CounterMetricFamily(f"zmdm_{title}", about, labels=[label])
        for value, number in sorted(values[name].items()):
            family.add_metric([value], number)
        yield family


def _queues(now: datetime) -> Iterator[Metric]:
    """Redis' queues; where it does not answer, that is what is said."""
    depths = queues.depths(now=now)
    up = GaugeMetricFamily("zmdm_redis_up", "Whether the Redis of the jobs answers.")
    up.add_metric([], int(depths is not None))
    yield up
    found = depths or ()
    waiting = (((one.name,), one.waiting) for one in found)
    yield _gauge("queue_jobs", "Jobs that wait for a worker.", "queue", waiting)
    ages = (((one.name,), one.age) for one in found)
    yield _gauge("queue_age_seconds", "How long the oldest waits.", "queue", ages)
    workers = (((one.name,), one.workers) for one in found)
    yield _gauge("queue_workers", "Workers of the queue.", "queue", workers)


def _gauge(
    name: str, about: str, labels: str, rows: Iterable[tuple[tuple[str, ...], float]]
) -> Metric:
    family = GaugeMetricFamily(f"zmdm_{name}", about, labels=labels.split())
    for values, number in sorted(rows):
        family.add_metric(values, number)
    return family


def _kept() -> bytes | None:
    client = queues.connection()
    try:
        found = client.get(_KEPT) if client is not None else None
    except redis.RedisError:
        return None
    return found if isinstance(found, bytes) else None


def _keep(made: bytes) -> None:
    client = queues.connection()
    try:
        if client is not None:
            client.set(_KEPT, made, ex=_KEPT_FOR)
    except redis.RedisError:
        return
