"""What no event triggers: passed deadlines, expired orders, graces that end, pushes still due.

The database is the truth and this is what asks it again: whatever a lost Redis or a killed worker
has dropped is found here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import ChannelCommand, Identity
from zmdm_plugin.queues import defer
from zmdm_plugin.services import ca, expiries, idempotency, job_runs, push, renewals, wake
from zmdm_plugin.services.setup import awaiting
from zmdm_plugin.services.webhooks import outbox

CHUNK = wake.CHUNK
"""Rows of one step in one transaction: a step that finds as many has more to do."""


def run(*, now: datetime) -> dict[str, int]:
    """Every step once, in the open transaction; returns how many of each were found."""
    return {name: step(now=now) for name, step in STEPS.items()}


def _passed_deadlines(*, now: datetime) -> int:
    return wake.passed_deadlines(now=now, limit=CHUNK)


def _waiting_commands(*, now: datetime) -> int:
    return wake.waiting_commands(now=now, limit=CHUNK)


def _expire_commands(*, now: datetime) -> int:
    expired = (
        sa.select(ChannelCommand.id)
        .where(
            ChannelCommand.finished_at.is_(None),
            ChannelCommand.expires_at <= now,
            ChannelCommand.state.in_(("queued", "not_now")),
        )
        .order_by(ChannelCommand.id)
        .limit(CHUNK)
        .with_for_update(skip_locked=True, key_share=True)
        .cte("expired")
    )
    ended = session().scalars(
        sa.update(ChannelCommand)
        .where(ChannelCommand.id.in_(sa.select(expired.c.id)))
        .values(
            state="expired",
            failure="its time had passed before the device asked",
            finished_at=now,
            updated_at=now,
        )
        .returning(ChannelCommand.id),
        execution_options={"synchronize_session": False},
    )
    return len(ended.all())


def _retire_identities(*, now: datetime) -> int:
    """End the former certificates of renewed devices, whose grace has passed."""
    result = session().execute(
        sa.update(Identity)
        .where(Identity.retire_at <= now, Identity.state == "active")
        .values(state="retired", retired_at=now),
        execution_options={"synchronize_session": False},
    )
    return int(getattr(result, "rowcount", 0))


def _overdue_identities(*, now: datetime) -> int:
    return renewals.say_overdue(now=now)


def _stalled_setups(*, now: datetime) -> int:
    """Devices that Setup Assistant holds beyond the limit."""
    return awaiting.say_stalled(now=now)


def _authority(*, now: datetime) -> int:
    """The built-in CA's successor, in time."""
    return ca.keep_going(now=now)


def _job_runs(*, now: datetime) -> int:
    return job_runs.sweep(now=now)


def _old_keys(*, now: datetime) -> int:
    """Idempotency keys of yesterday, with the answers that were kept for them."""
    return idempotency.forget_old(now=now, limit=CHUNK)


def _defer_pushes(*, now: datetime) -> int:
    """Pushes whose wake-up was lost, or whose worker was."""
    due = push.is_due(now=now)
    if due:
        defer("push.flush", once="push.flush")
    return int(due)


def _defer_fan_out(*, now: datetime) -> int:
    due = wake.is_fanning_out()
    if due:
        defer("wake.fan_out", once="wake.fan_out")
    return int(due)


def _webhooks(*, now: datetime) -> int:
    due = outbox.is_due(now=now)
    if due:
        defer(outbox.JOB, once=outbox.JOB)
    return int(due)


def _warnings(*, now: datetime) -> int:
    return expiries.warn(now=now)


STEPS: dict[str, Callable[..., int]] = {
    "deadlines": _passed_deadlines,
    "commands": _waiting_commands,
    "expired": _expire_commands,
    "retired": _retire_identities,
    "overdue": _overdue_identities,
    "setup": _stalled_setups,
    "ca": _authority,
    "runs": _job_runs,
    "keys": _old_keys,
    "warnings": _warnings,
    "pushes": _defer_pushes,
    "fan_out": _defer_fan_out,
    "webhooks": _webhooks,
}
"""In this order: wakes are marked before anybody looks whether pushes are due."""
