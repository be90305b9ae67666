"""RQ queues: a job is only a wake-up for work that the database remembers; JSON, ids, nothing else.

`defer("push.flush", once="push.flush")` after a commit; when Redis is away nothing is lost, for a
sweep asks the database again every `ZMDM_SWEEP_INTERVAL` seconds.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue, Worker
from rq.serializers import JSONSerializer

from zmdm_plugin.origin import origin
from zmdm_plugin.state import after_commit, state

log = logging.getLogger(__name__)

DEFAULT = "zmdm:default"
PUSH = "zmdm:push"
ENTRY_POINT = "zmdm_plugin.jobs.run"
JOB_TIMEOUT = 120
LONG: Final[Mapping[str, int]] = MappingProxyType({"packages.fetch": 4 * 3600})
"""Seconds for jobs of which one step may take longer: a large file on its way into a bucket."""
_ONCE_SECONDS = 10
_REST_AFTER_FAILURE = 5.0
_RESULT_TTL = 60
_FAILURE_TTL = 3600
_ONCE_TTL = 300
"""Seconds: a wake-up that nobody took is stale, and the sweep has deferred the next ones since."""


def connection() -> redis.Redis | None:
    """A client with short timeouts and no retry, or None without ZMDM_REDIS_URL."""
    cache = state().cache
    if "redis" not in cache:
        url = state().settings.redis_url
        cache["redis"] = _connect(url) if url else None
    client: redis.Redis | None = cache["redis"]
    return client


def _connect(url: str) -> redis.Redis:
    return redis.Redis.from_url(
        url, socket_timeout=0.5, socket_connect_timeout=0.5, retry=Retry(NoBackoff(), 0)
    )


def defer(job: str, *ids: int | str, once: str | None = None) -> None:
    """Enqueue a job of JOBS once the open transaction has committed; `once` coalesces wake-ups."""
    after_commit(lambda: defer_now(job, *ids, once=once))


def defer_now(job: str, *ids: int | str, once: str | None = None) -> bool:
    """Enqueue at once; False when it was not (no Redis, or the same wake-up waits already)."""
    client = connection()
    if client is None or _resting():
        return False
    try:
        if once and not client.set(once_key(once), "1", nx=True, ex=_ONCE_SECONDS):
            return False
        queue = PUSH if job.startswith("push.") else DEFAULT
        _queue(queue, client).enqueue(
            ENTRY_POINT,
            args=(job, list(ids), once, origin().request_id),
            job_timeout=LONG.get(job, JOB_TIMEOUT),
            result_ttl=_RESULT_TTL,
            failure_ttl=_FAILURE_TTL,
            ttl=_ONCE_TTL if once else None,
        )
        return True
    except redis.RedisError as error:
        state().cache["redis_rest_until"] = time.monotonic() + _REST_AFTER_FAILURE
        log.warning("Redis does not answer: %s", type(error).__name__)
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """A queue as it is: how many jobs wait, how long the oldest has (seconds), who works."""

    name: str
    waiting: int
    age: float
    workers: int


def depths(*, now: datetime) -> list[Depth] | None:
    """Both queues; None where there is no Redis, or it does not answer."""
    client = connection()
    if client is None or _resting():
        return None
    try:
        return [_depth(_queue(name, client), now) for name in (DEFAULT, PUSH)]
    except redis.RedisError as error:
        log.warning("Redis does not answer: %s", type(error).__name__)
        return None


def answers() -> bool:
    """Whether there is a Redis and it answers."""
    client = connection()
    try:
        return client is not None and bool(client.ping())
    except redis.RedisError:
        return False


def _depth(queue: Queue, now: datetime) -> Depth:
    waiting = queue.count
    oldest = queue.fetch_job(queue.job_ids[0]) if waiting and queue.job_ids else None
    since = _aware(oldest.enqueued_at) if oldest is not None and oldest.enqueued_at else None
    return Depth(
        name=queue.name,
        waiting=waiting,
        age=max((now - since).total_seconds(), 0.0) if since is not None else 0.0,
        workers=Worker.count(queue=queue),
    )


def _aware(moment: datetime) -> datetime:
    """rq's moments, which were naive in some of its versions, are UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def started(once: str | None) -> None:
    """A job's first act: from now on the same wake-up may be deferred again."""
    client = connection()
    if once and client is not None:
        try:
            client.delete(once_key(once))
        except redis.RedisError:
            log.warning("Redis does not answer; the key %s expires by itself", once)


def once_key(once: str) -> str:
    return f"zmdm:once:{once}"


def _queue(name: str, client: redis.Redis) -> Queue:
    return Queue(name, connection=client, serializer=JSONSerializer)


def _resting() -> bool:
    until: Any = state().cache.get("redis_rest_until", 0.0)
    return time.monotonic() < float(until)
