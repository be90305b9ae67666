"""flask zmdm secrets …: sealing keys."""

from __future__ import annotations

import time

from zmdm_plugin import db
from zmdm_plugin.cli.groups import Topic, zmdm
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.cli.output import Bar, hint, progress, say, to
from zmdm_plugin.errors import ZmdmError
from zmdm_plugin.jobs import secrets as job
from zmdm_plugin.models import JobRun
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.secretbox import generate_key
from zmdm_plugin.services import access, job_runs, key_ring
from zmdm_plugin.services.job_runs import Claimed

secrets = Topic("secrets", help="Keys that seal secrets at rest.")
zmdm.add_command(secrets)


@secrets.command("new-key")
def new_key() -> None:
    """Print a new sealing key for ZMDM_SEALING_KEYS; put it first, keep the old ones behind it."""
    key = generate_key()
    say({"key": key}, key)


@secrets.command("rotate")
def rotate() -> None:
    """Seal everything with the first key of ZMDM_SEALING_KEYS, while the server runs.

    A run that was interrupted goes on where it was, after two minutes of silence if it was killed;
    one that a worker is at is watched. Once it says so, the other keys may go.
    """
    access.demand(operator(), access.RESEAL)
    uid = key_ring.running()
    if uid is None:
        with db.transaction():
            uid = key_ring.start(operator()).uid
    run = _finished(uid)
    if run.state == "failed":
        raise ZmdmError(run.message or "it failed")
    say({"task_id": uid, "state": run.state, "result": run.result}, run.message or run.state)


def _finished(uid: str) -> JobRun:
    """Work the run off, or watch whoever does; taken over from a process that was killed."""
    told = False
    with progress("Sealing", job_runs.find(uid).total) as bar:
        while (run := job_runs.find(uid)).finished_at is None:
            _show(bar, run)
            db.session().rollback()
            job.reseal(uid, before=lambda claimed: _show(bar, claimed))
            if job_runs.find(uid).holder is not None:
                if not told:
                    hint(_ELSEWHERE)
                    told = True
                with db.transaction():
                    job_runs.sweep(now=utcnow())
                time.sleep(1)
    return run


_ELSEWHERE = (
    "Another process is at it, which is watched; if it was killed, this one goes on where it was "
    "after two minutes of silence."
)


def _show(bar: Bar, run: JobRun | Claimed) -> None:
    bar.length = max(run.total or 0, run.done, 1)
    to(bar, run.done)
