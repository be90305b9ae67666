"""The lease of a run, renewed while one thing goes on that no step can divide."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from zmdm_plugin.db import run_in_transaction
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import job_runs
from zmdm_plugin.services.job_runs import LEASE, Claimed
from zmdm_plugin.state import state

log = logging.getLogger(__name__)

THREAD = "zmdm-lease"


@contextmanager
def renewed(claimed: Claimed, *, every: float = LEASE.total_seconds() / 4) -> Iterator[None]:
    """Nobody else takes the run meanwhile, however long it takes; open no transaction in here.

    A process that is killed renews nothing, so that its run is found again as any other is.
    """
    over = threading.Event()
    application = state().application

    def work() -> None:
        with application.app_context():
            while not over.wait(every) and _renew(claimed):
                pass

    thread = threading.Thread(target=work, name=THREAD, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _renew(claimed: Claimed) -> bool:
    """False once the run was cancelled; a database that is away for a moment ends nothing."""
    try:
        return run_in_transaction(partial(job_runs.renew, claimed, now=utcnow()))
    except (DBAPIError, PoolTimeout) as error:
        log.warning("run %s: its lease is not renewed: %s", claimed.uid, type(error).__name__)
        return True
