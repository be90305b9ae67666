"""/api/task_result/<uuid>/ and /api/mdm/tasks/: long work, how far it is, what came of it.

A view that orders long work answers 201 with `accepted(run)` and TaskSchema.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import url_for

from zmdm_plugin import db
from zmdm_plugin.blueprints.api import paging
from zmdm_plugin.blueprints.api.resource import Resource
from zmdm_plugin.blueprints.api.schemas.tasks import TaskQuery, TaskResultSchema, result
from zmdm_plugin.models import JobRun
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access, audit, job_runs
from zmdm_plugin.web.actor import api_actor

blueprint = Resource(
    "task_results", path="/task_result", description="What came of long work.", prefix="/api"
)
tasks = Resource("tasks", path="/tasks", description="Long work: all of it, and stopping it.")


def accepted(run: JobRun) -> dict[str, str]:
    """What an order of long work is answered with; see TaskSchema."""
    url = url_for("zmdm_api_task_results.get_task_result", task_id=run.uid)
    return {"task_id": run.uid, "task_result_url": url}


@blueprint.route("/<uuid:task_id>/")
@blueprint.operation(access.VIEW_RUNS, 404)
@blueprint.response(200, TaskResultSchema)
def get_task_result(task_id: UUID) -> dict[str, Any]:
    """Show how far a task is

    One's own, and those of one's other tokens, need no permission.
    """
    return result(_find(task_id, access.VIEW_RUNS))


@tasks.route("/")
@tasks.arguments(TaskQuery, location="query")
@tasks.operation(access.VIEW_RUNS)
@tasks.response(200, TaskResultSchema(many=True), headers=paging.HEADERS)
def list_tasks(query: dict[str, Any]) -> Any:
    """List tasks

    Everybody's, the newest first.
    """
    access.demand(api_actor(), access.VIEW_RUNS)
    limit, cursor = query.pop("limit"), query.pop("cursor", None)
    found = job_runs.page(query, cursor=cursor, limit=limit)
    return paging.answer(found.map(result), limit)


@tasks.route("/<uuid:task_id>/stop/", methods=["POST"])
@tasks.operation(access.CHANGE_RUNS, 404, 409)
@tasks.response(200, TaskResultSchema)
def stop_task(task_id: UUID) -> dict[str, Any]:
    """Stop a task

    What it has done stays done. One's own needs no permission; one that has ended is a 409.
    """
    _find(task_id, access.CHANGE_RUNS)
    with db.transaction():
        before = {"state": job_runs.find(str(task_id)).state}
        run = job_runs.cancel(str(task_id), now=utcnow())
        audit.record(api_actor(), "job.stop", run, before=before, after={"state": run.state})
    return result(run)


def _find(task_id: UUID, permission: str) -> JobRun:
    run = job_runs.find(str(task_id))
    if not job_runs.belongs_to(run, api_actor()):
        access.demand(api_actor(), permission, run)
    return run
