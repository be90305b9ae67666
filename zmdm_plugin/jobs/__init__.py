"""RQ entry points: ids in, transaction, service, out.

`JOBS` names every job; RQ knows one function only, `run`, so that what lies in Redis is a name and
ids. A job may run twice and works in slices of at most a minute that defer the next one.
"""

from __future__ import annotations

from collections.abc import Callable

from zmdm_plugin import queues

JOBS: dict[str, Callable[..., None]] = {}

SCHEDULE: dict[str, Callable[[], int]] = {}
"""job name -> its period in seconds, read from the settings when the scheduler starts."""


def run(job: str, ids: list[int | str], once: str | None = None) -> None:
    """What RQ calls, inside an application context: look the job up and run it."""
    queues.started(once)
    JOBS[job](*ids)
