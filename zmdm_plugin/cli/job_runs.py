"""flask zmdm job …: long work, how far it is, and stopping it."""

from __future__ import annotations

import json
import time
from typing import Any

import click
from flask.cli import AppGroup

from zmdm_plugin import db
from zmdm_plugin.cli.groups import speaks_plainly, zmdm
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.models import JobRun
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import audit, job_runs

group = AppGroup("job", help="Work that takes time.")
zmdm.add_command(group)


@group.command("list")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_runs(limit: int, as_json: bool) -> None:
    """List long work, the newest first."""
    rows = [_plain(run) for run in job_runs.page({}, limit=limit).items]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        click.echo(f"{row['id']}\t{row['state']}\t{row['done']}/{row['total']}\t{row['title']}")


@group.command("wait")
@click.argument("uid")
@click.option("--json", "as_json", is_flag=True, help="Print JSON once it has ended.")
@speaks_plainly
def wait(uid: str, as_json: bool) -> None:
    """Follow long work with a progress bar until it has ended; exit code 1 unless it is done."""
    run = job_runs.find(uid)
    with click.progressbar(
        length=run.total or 1, label=run.title, hidden=as_json, update_min_steps=1
    ) as bar:
        while run.finished_at is None:
            bar.update(max(0, run.done - bar.pos))
            db.session().rollback()
            time.sleep(1)
            run = job_runs.find(uid)
        bar.update(max(0, (bar.length or 0) - bar.pos))
    click.echo(json.dumps(_plain(run)) if as_json else f"{run.state} {run.message or ''}".strip())
    if run.state != "done":
        raise SystemExit(1)


@group.command("stop")
@click.argument("uid")
@speaks_plainly
def stop(uid: str) -> None:
    """Stop long work; what it has done stays done."""
    with db.transaction():
        before = {"state": job_runs.find(uid).state}
        run = job_runs.cancel(uid, now=utcnow())
        audit.record(operator(), "job.stop", run, before=before, after={"state": run.state})
    click.echo(f"{uid} is stopped.")


def _plain(run: JobRun) -> dict[str, Any]:
    return {
        "id": run.uid,
        "name": run.name,
        "title": run.title,
        "state": run.state,
        "done": run.done,
        "total": run.total,
        "message": run.message,
        "result": run.result,
        "ordered_by": run.actor_label,
    }
