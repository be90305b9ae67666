"""Long work: what runs, how far it is, what came of it; and stopping it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Response
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import paging
from zmdm_plugin.admin.screen import Screen, acting, back, demand, may, text
from zmdm_plugin.models import JobRun
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access, audit, job_runs

GROUP = "Administration"
STATES = (
    ("open", "Not finished"),
    ("done", "Done"),
    ("failed", "Failed"),
    ("cancelled", "Stopped"),
)


class RunList(Screen):
    """Everybody's long work, or one's own where one may not see the others'."""

    permission = access.VIEW_RUNS

    def permitted(self) -> bool:
        return may(access.VIEW_RUNS) or may(access.VIEW_DEVICES)

    @expose("/")
    def index(self) -> Response:
        """The newest first."""
        state = text("state", most=20)
        query = sa.select(JobRun)
        if state == "open":
            query = query.where(JobRun.finished_at.is_(None))
        elif state in dict(STATES):
            query = query.where(JobRun.state == state)
        if not may(access.VIEW_RUNS):
            query = query.where(JobRun.owner_id == acting().person.id)
        page = paging.newest_first(query, JobRun.id)
        return self.page("zmdm/job_runs.html", title="Jobs", page=page, state=state, states=STATES)


class RunPage(Screen):
    """One run. Whoever ordered it may always see and stop it."""

    permission = access.VIEW_RUNS

    def permitted(self) -> bool:
        return may(access.VIEW_RUNS) or may(access.VIEW_DEVICES)

    @expose("/")
    def index(self, uid: str) -> Response:
        """How far it is."""
        run = _find(uid, access.VIEW_RUNS)
        return self.page("zmdm/job_run.html", title=run.title, **_shown(run))

    @expose("/live/")
    def live(self, uid: str) -> Response:
        """The part that moves, fetched again and again."""
        run = _find(uid, access.VIEW_RUNS)
        return self.page("zmdm/job_run_live.html", title=run.title, **_shown(run))

    @expose("/stop/", methods=("POST",))
    def stop(self, uid: str) -> Response:
        """What it has done stays done."""
        _find(uid, access.CHANGE_RUNS)
        with db.transaction():
            before = {"state": job_runs.find(uid).state}
            run = job_runs.cancel(uid, now=utcnow())
            audit.record(acting(), "job.stop", run, before=before, after={"state": run.state})
        return back("It is stopped. What it had done stays done.", ".index", uid=uid)


def screens() -> list[Screen]:
    """The screens of this area, for the menu."""
    listed = RunList("Jobs", endpoint="zmdm_job_runs", url="jobs", group=GROUP)
    return [listed, RunPage("Job", endpoint="zmdm_job_run", url="jobs/<uid>", below=listed)]


def _find(uid: str, permission: str) -> JobRun:
    run = job_runs.find(uid[:36])
    if not job_runs.belongs_to(run, acting()):
        demand(permission, run)
    return run


def _shown(run: JobRun) -> dict[str, Any]:
    own = job_runs.belongs_to(run, acting())
    return {
        "run": run,
        "share": job_runs.share(run),
        "stoppable": run.finished_at is None and (own or may(access.CHANGE_RUNS, run)),
    }
