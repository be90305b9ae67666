"""flask zmdm job …: long work, how far it is, and stopping it."""

from __future__ import annotations

import time
from typing import Any

import click

from zmdm_plugin import db
from zmdm_plugin.blueprints.api.schemas.tasks import STATES, TaskResultSchema, result
from zmdm_plugin.cli.asking import LIMIT
from zmdm_plugin.cli.groups import Topic, zmdm
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.cli.output import card, progress, say, table, to
from zmdm_plugin.models import JobRun
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access, audit, job_runs

group = Topic("job", help="Work that takes time.")
zmdm.add_command(group)


@group.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only in this state.")
@click.option("--name", help="Exactly this name, e.g. bulk.run.")
@LIMIT
def list_runs(limit: int, **asked: str | None) -> None:
    """List long work, the newest first."""
    access.demand(operator(), access.VIEW_RUNS)
    equal = {name: value for name, value in asked.items() if value is not None}
    rows = [_plain(run) for run in job_runs.page(equal, limit=limit).items]
    table(rows, ("id", "state", "done", "total", "title"), empty="no long work")


@group.command("show")
@click.argument("uid")
def show(uid: str) -> None:
    """Show one piece of long work, and what came of it."""
    access.demand(operator(), access.VIEW_RUNS)
    card(_plain(job_runs.find(uid)))


@group.command("watch")
@click.argument("uid")
def watch(uid: str) -> None:
    """Follow long work with a progress bar until it has ended; exit code 1 unless it is done."""
    access.demand(operator(), access.VIEW_RUNS)
    follow(uid)


group.add_command(watch, "wait")


@group.command("stop")
@click.argument("uid")
def stop(uid: str) -> None:
    """Stop long work; what it has done stays done."""
    access.demand(operator(), access.CHANGE_RUNS)
    with db.transaction():
        before = {"state": job_runs.find(uid).state}
        run = job_runs.cancel(uid, now=utcnow())
        audit.record(operator(), "job.stop", run, before=before, after={"state": run.state})
        stopped = _plain(run)
    say(stopped, f"{uid} is stopped.")


def follow(uid: str) -> None:
    """Show how far the run is until it has ended; exit code 1 unless it is done."""
    run = job_runs.find(uid)
    with progress(run.title, run.total) as bar:
        while run.finished_at is None:
            bar.length = max(run.total or 0, run.done, 1)
            to(bar, run.done)
            db.session().rollback()
            time.sleep(1)
            run = job_runs.find(uid)
        to(bar, bar.length or 0)
    say(_plain(run), f"{run.state} {run.message or ''}".strip())
    if run.state != "done":
        raise SystemExit(1)


def _plain(run: JobRun) -> dict[str, Any]:
    """As /api/task_result/ has it, and in our own words."""
    shown: dict[str, Any] = TaskResultSchema().dump(result(run))
    return {**shown, "state": run.state, "done": run.done, "total": run.total}
