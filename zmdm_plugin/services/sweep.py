"""What no event triggers: passed deadlines, expired orders, graces that end, pushes still due.

The database is the truth and this is what asks it again: whatever a lost Redis or a killed worker
has dropped is found here.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import ChannelCommand, Identity
from zmdm_plugin.queues import defer
from zmdm_plugin.services import job_runs, push, wake


def run(*, now: datetime) -> dict[str, int]:
    """One sweep; returns how many of each it found."""
    found = {
        "deadlines": wake.passed_deadlines(now=now),
        "commands": wake.waiting_commands(now=now),
        "expired": _expire_commands(now=now),
        "retired": _retire_identities(now=now),
        "runs": job_runs.sweep(now=now),
    }
    if push.is_due(now=now):
        defer("push.flush", once="push.flush")
    if wake.is_fanning_out():
        defer("wake.fan_out", once="wake.fan_out")
    return found


def _expire_commands(*, now: datetime) -> int:
    result = session().execute(
        sa.update(ChannelCommand)
        .where(
            ChannelCommand.finished_at.is_(None),
            ChannelCommand.expires_at <= now,
            ChannelCommand.state.in_(("queued", "not_now")),
        )
        .values(
            state="expired",
            failure="its time had passed before the device asked",
            finished_at=now,
        ),
        execution_options={"synchronize_session": False},
    )
    return int(getattr(result, "rowcount", 0))


def _retire_identities(*, now: datetime) -> int:
    """End the former certificates of renewed devices, whose grace has passed."""
    result = session().execute(
        sa.update(Identity)
        .where(Identity.retire_at <= now, Identity.state == "active")
        .values(state="retired", retired_at=now),
        execution_options={"synchronize_session": False},
    )
    return int(getattr(result, "rowcount", 0))
