"""Handing out the next command: claimed in one statement, rendered only then.

Order is (lane, id). Left alone are: what is not due yet or has expired, what said NotNow in this
conversation, and everything while another command is out and may still be answered.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.commands.base import registry
from zmdm_plugin.db import session, typed
from zmdm_plugin.errors import NotFound
from zmdm_plugin.models import ChannelCommand
from zmdm_plugin.services import material
from zmdm_plugin.services.events import Fact
from zmdm_plugin.state import state

_C = ChannelCommand


@dataclass(frozen=True, slots=True)
class Claimed:
    """A command that is being delivered."""

    id: int
    uuid: str
    """CommandUUID, and the uid that the secret arguments are bound to."""
    channel_id: int
    name: str
    args: dict[str, Any]
    secret_args: str | None = field(repr=False)


def claim(channel_id: int, *, now: datetime, only: str = "") -> Claimed | None:
    """Mark the next command delivered and return it; None when nothing may be sent now.

    The caller holds the channel's row, so that no other conversation, order or cancellation
    comes between; `only`: nothing but commands of this name.
    """
    values = {"channel_id": channel_id, "now": now, "only": only}
    row = session().execute(_CLAIM, values).one_or_none()
    return Claimed(*row) if row else None


# Written out: SQLAlchemy would put it together anew for every answer of every device.
_CLAIM = typed(
    """
UPDATE zmdm_command
SET state = 'delivered', delivered_at = :now, delivery_count = delivery_count + 1, updated_at = :now
WHERE finished_at IS NULL AND id = (
    SELECT c.id FROM zmdm_command c
    WHERE c.channel_id = :channel_id AND c.finished_at IS NULL
      AND (c.not_before IS NULL OR c.not_before <= :now)
      AND (c.expires_at IS NULL OR c.expires_at > :now)
      AND (c.state = 'queued' OR (c.state = 'not_now' AND c.last_not_now_at < (
          SELECT h.conversation_at FROM zmdm_channel h WHERE h.id = :channel_id)))
      AND (:only = '' OR c.name = :only)
      AND NOT EXISTS (
          SELECT 1 FROM zmdm_command o
          WHERE o.channel_id = :channel_id AND o.finished_at IS NULL AND o.state = 'delivered')
    ORDER BY c.lane, c.id LIMIT 1)
RETURNING id, uid, channel_id, name, args, secret_args
""",
    {"now": _C.updated_at, "channel_id": _C.channel_id, "only": _C.name},
    [_C.id, _C.uid, _C.channel_id, _C.name, _C.args, _C.secret_args],
)


def render(claimed: Claimed) -> dict[str, Any]:
    """The Command dictionary; NotFound or Refused when what it needs is gone."""
    command = registry.get(claimed.name)
    if command is None:
        raise NotFound(f"this release knows no command {claimed.name}")
    args = command.restore(open_args(claimed))
    return command.payload(args, material.load(command.needs, args, channel_id=claimed.channel_id))


def open_args(claimed: Claimed) -> dict[str, Any]:
    """Stored arguments with the secret ones; SealError (503) when no key opens them."""
    if claimed.secret_args is None:
        return claimed.args
    secret = state().box.open(
        claimed.secret_args, label=_C.__table__.c.secret_args.info["sealed"], uid=claimed.uuid
    )
    return {**claimed.args, **json.loads(secret)}


def fail(claimed: Claimed, why: str, *, now: datetime) -> None:
    """A command that cannot be rendered ends, with the reason; the device has not seen it."""
    session().execute(
        sa.update(_C)
        .where(_C.id == claimed.id)
        .values(
            state="error",
            failure=why[:500],
            finished_at=now,
            delivery_count=_C.delivery_count - 1,
            delivered_at=sa.case((_C.delivery_count > 1, _C.delivered_at), else_=None),
        ),
        execution_options={"synchronize_session": False},
    )


def settle_overdue(channel_id: int, *, now: datetime) -> list[Fact]:
    """An Idle says that nothing is being worked on: what was given out long enough ago was lost.

    It waits for delivery again; but a lock, erase, restart becomes "unknown", for it may have been
    carried out, and what has expired ends: these are told.
    """
    lost_before = now - timedelta(seconds=state().settings.redeliver_after)
    given = _C.state == "delivered"
    expired = sa.and_(_C.expires_at.is_not(None), _C.expires_at <= now)
    unknown = sa.and_(given, _C.repeatable.is_(False))
    settled = session().execute(
        sa.update(_C)
        .where(
            _C.channel_id == channel_id,
            _C.finished_at.is_(None),
            sa.or_(sa.and_(given, _C.delivered_at <= lost_before), sa.and_(~given, expired)),
        )
        .values(
            state=sa.case((unknown, "unknown"), (expired, "expired"), else_="queued"),
            failure=sa.case((unknown, _UNKNOWN), (expired, _EXPIRED), else_=None),
            finished_at=sa.case((sa.or_(unknown, expired), now), else_=None),
        )
        .returning(_C.uid, _C.name, _C.device_id, _C.state),
        execution_options={"synchronize_session": False},
    )
    return [
        Fact("command.lost", device_id, {"command": uid, "name": name, "state": ended})
        for uid, name, device_id, ended in settled
        if ended != "queued"
    ]


def let_redeliver(channel_id: int) -> None:
    """What was given out last was lost for certain: it may be given out again at once.

    But for a lock, erase or restart, which nobody but a person repeats.
    """
    session().execute(
        sa.update(_C)
        .where(
            _C.channel_id == channel_id,
            _C.state == "delivered",
            _C.repeatable.is_(True),
            _C.finished_at.is_(None),
        )
        .values(state="queued"),
        execution_options={"synchronize_session": False},
    )


def overdue_at(channel_id: int) -> datetime | None:
    """When what is out now counts as lost, should the device say Idle; None: nothing is out."""
    given = session().scalar(
        sa.select(_C.delivered_at)
        .where(_C.channel_id == channel_id, _C.state == "delivered", _C.finished_at.is_(None))
        .limit(1)
    )
    return given and given + timedelta(seconds=state().settings.redeliver_after)


_UNKNOWN = "delivered, but the device never said what became of it"
_EXPIRED = "its time passed before the device answered"
