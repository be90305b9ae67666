"""Long work on one service: which run of a name is open for it."""

from __future__ import annotations

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import JobRun


def open_run(name: str, server_id: int) -> JobRun | None:
    """The run of this name that works on the service, or is about to."""
    found = session().scalars(
        sa.select(JobRun)
        .where(JobRun.name == name, JobRun.finished_at.is_(None))
        .order_by(JobRun.id)
    )
    return next((run for run in found if run.arguments.get("server") == server_id), None)
