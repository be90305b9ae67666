"""How a job works off its JobRun: step by step, in slices that defer the next one."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from zmdm_plugin import origin
from zmdm_plugin.actors import Actor
from zmdm_plugin.db import outages, run_in_transaction
from zmdm_plugin.errors import Unavailable, ZmdmError
from zmdm_plugin.jobs import stopping
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import job_runs
from zmdm_plugin.services.job_runs import Claimed, Step

log = logging.getLogger(__name__)

SLICE = 45.0


def work_off(
    uid: str,
    step: Callable[[Claimed], Step],
    *,
    before: Callable[[Claimed], object] | None = None,
) -> None:
    """Do steps of the run until it is done, this slice is over, or the worker shall stop.

    Each `step` runs in a transaction together with the note of its progress, and may be repeated
    after a deadlock. It takes seconds, not minutes. What it raises ends the run with these words;
    an outage does not, for the sweep takes the run up again. `before` runs ahead of each step and
    outside of any transaction: there another server may be asked, while no row is locked.
    """
    try:
        claimed = run_in_transaction(lambda: job_runs.claim(uid, now=utcnow()))
    except ZmdmError as error:
        _fail(uid, str(error))
        return
    if claimed is not None:
        with _on_behalf_of(claimed.actor):
            _slice(claimed, step, before)


@contextmanager
def _on_behalf_of(actor: Actor) -> Iterator[None]:
    """Events that come of it are theirs who ordered it."""
    before = origin.origin()
    origin.acts(actor.person.id, actor.person.label)
    try:
        yield
    finally:
        origin.came_from(before)


def _slice(
    claimed: Claimed | None,
    step: Callable[[Claimed], Step],
    before: Callable[[Claimed], object] | None,
) -> None:
    end = time.monotonic() + SLICE
    while claimed is not None:
        if stopping.current().requested or time.monotonic() > end:
            _give_back(claimed)
            return
        claimed = _one(claimed, step, before)


def _one(
    claimed: Claimed,
    step: Callable[[Claimed], Step],
    before: Callable[[Claimed], object] | None,
) -> Claimed | None:
    """One step; None when there is nothing more to do here."""
    try:
        if before is not None:
            before(claimed)
        with outages():
            return run_in_transaction(
                lambda: job_runs.advance(claimed, step(claimed), now=utcnow())
            )
    except job_runs.Lost as error:
        log.info("run %s stops here: %s", claimed.uid, error)
    except Unavailable:
        raise
    except ZmdmError as error:
        _fail(claimed.uid, str(error), claimed.holder)
    except Exception:
        _fail(claimed.uid, "an error of the server, which its log describes", claimed.holder)
        raise
    return None


def _give_back(claimed: Claimed) -> None:
    run_in_transaction(lambda: job_runs.give_back(claimed, now=utcnow()))


def _fail(uid: str, why: str, holder: str | None = None) -> None:
    run_in_transaction(lambda: job_runs.fail(uid, why, now=utcnow(), holder=holder))
