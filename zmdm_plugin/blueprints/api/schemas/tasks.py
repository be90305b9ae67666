"""Long work as JSON."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from zmdm_plugin.blueprints.api.schemas.fields import Moment, PageQuery, described, text_argument
from zmdm_plugin.models import JobRun
from zmdm_plugin.services import job_runs

STATUS = {
    "queued": "PENDING",
    "running": "STARTED",
    "done": "SUCCESS",
    "failed": "FAILURE",
    "cancelled": "REVOKED",
}
STATES = tuple(STATUS)


class TaskSchema(ma.Schema):
    """What an order of long work is answered with."""

    task_id = ma.fields.UUID(required=True)
    task_result_url = ma.fields.String(
        required=True,
        metadata=described("Ask here how far it is.", example="/api/task_result/b1512b8d-…/"),
    )


class ProgressSchema(ma.Schema):
    """How far it is."""

    done = ma.fields.Integer(required=True)
    total = ma.fields.Integer(
        required=True, allow_none=True, metadata=described("Null while nobody knows.")
    )
    percent = ma.fields.Integer(required=True, allow_none=True)


class TaskResultSchema(ma.Schema):
    """Long work: how far it is, and what came of it."""

    name = ma.fields.String(required=True)
    id = ma.fields.UUID(required=True)
    status = ma.fields.String(required=True, validate=ma.validate.OneOf(tuple(STATUS.values())))
    unready = ma.fields.Boolean(
        required=True, metadata=described("True until it has ended, one way or the other.")
    )
    result = ma.fields.Raw(
        required=True,
        allow_none=True,
        metadata=described("An object of the task's own; null before there is one.", type="object"),
    )
    title = ma.fields.String(required=True, metadata=described("What it does, in words."))
    message = ma.fields.String(
        required=True, allow_none=True, metadata=described("Why it failed, for example.")
    )
    progress = ma.fields.Nested(ProgressSchema, required=True)
    ordered_by = ma.fields.String(required=True)
    created_at = Moment(required=True)
    started_at = Moment(required=True, allow_none=True)
    finished_at = Moment(required=True, allow_none=True)


class TaskQuery(PageQuery):
    """Filters of the list."""

    state = ma.fields.String(
        validate=ma.validate.OneOf(STATES), metadata=described("Only in this state.")
    )
    name = text_argument("Exactly this name.", 128)


def result(run: JobRun) -> dict[str, Any]:
    """A run as TaskResultSchema wants it."""
    return {
        "name": run.name,
        "id": run.uid,
        "status": STATUS[run.state],
        "unready": run.finished_at is None,
        "result": run.result,
        "title": run.title,
        "message": run.message,
        "progress": {"done": run.done, "total": run.total, "percent": job_runs.share(run)},
        "ordered_by": run.actor_label,
        "created_at": run.created_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
    }
