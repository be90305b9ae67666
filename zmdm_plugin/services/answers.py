"""Taking what a device answers: once, in whatever order, and never refused."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from zmdm_plugin import signals
from zmdm_plugin.commands.base import Command, registry
from zmdm_plugin.db import after_commit, session
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import Channel, ChannelCommand, Device, RawAnswer
from zmdm_plugin.models.base import new_uid, utcnow
from zmdm_plugin.protocol import plist
from zmdm_plugin.protocol.connect import Answer, ChainItem, Status
from zmdm_plugin.services import claims, effects, events, notify, vault
from zmdm_plugin.services.planner import not_now
from zmdm_plugin.state import state

_C = ChannelCommand
_MAX_RAW_PER_CHANNEL = 100
_STATES = {
    Status.ACKNOWLEDGED: "acknowledged",
    Status.ERROR: "error",
    Status.COMMAND_FORMAT_ERROR: "error",
    Status.UNREADABLE: "acknowledged",
}


@dataclass(frozen=True, slots=True)
class Settled:
    """A command that has just got its final answer."""

    claimed: claims.Claimed
    device_id: int
    state: str
    secret: frozenset[str] = field(default_factory=frozenset)


def take(channel_id: int, answer: Answer) -> None:
    """Settle the command this answers; a second or an unknown answer changes nothing."""
    now = utcnow()
    if answer.status is Status.NOT_NOW:
        _put_off(channel_id, answer, now=now)
        return
    settled = _settle(channel_id, answer, now=now)
    if settled is None:
        _unknown(channel_id, answer)
    elif settled.state in ("acknowledged", "error"):
        _apply(settled, answer)


def _settle(channel_id: int, answer: Answer, *, now: datetime) -> Settled | None:
    """One statement: the answer of a command that was given out and not yet answered.

    One that we ended ourselves meanwhile (superseded, unknown) keeps its answer; "unknown" takes
    its state from it.
    """
    outcome = _STATES[answer.status]
    row = (
        session()
        .execute(
            sa.update(_C)
            .where(
                _C.uid == (answer.command_uuid or ""),
                _C.channel_id == channel_id,
                _C.answered_at.is_(None),
                _C.delivery_count > 0,
            )
            .values(
                state=sa.case(
                    (sa.or_(_C.finished_at.is_(None), _C.state == "unknown"), outcome),
                    else_=_C.state,
                ),
                status=str(answer.status),
                error_chain=[_link(item) for item in answer.error_chain] or None,
                result=_sealed(answer),
                unreadable=answer.fault is not None,
                answered_at=now,
                finished_at=sa.func.coalesce(_C.finished_at, now),
            )
            .returning(*claims.RETURNED, _C.device_id, _C.state),
            execution_options={"synchronize_session": False},
        )
        .one_or_none()
    )
    if row is None:
        return None
    return Settled(claims.Claimed(*row[:6]), row[6], row[7])


def _consequences(settled: Settled, command: type[Command], answer: Answer) -> None:
    """Facts and secrets of an answer; arguments that a former release took may say nothing."""
    claimed = settled.claimed
    try:
        args = command.restore(claims.open_args(claimed))
    except Refused:
        return
    if consequences := command.answered(args, answer):
        channel = session().get_one(Channel, claimed.channel_id)
        effects.apply(channel, claimed, consequences)
    carried = command.unwrap(args)[0] or command
    if carried.escrow and settled.state == "acknowledged":
        vault.confirm(settled.device_id, claimed.uuid)


def _apply(settled: Settled, answer: Answer) -> None:
    """What the answer means: facts, secrets, follow-ups; then the host is told."""
    claimed = settled.claimed
    command = registry.get(claimed.name)
    if command is not None and answer.fault is None:
        _consequences(settled, command, answer)
    status, device_id = str(answer.status), settled.device_id
    after_commit(
        lambda: notify.send(
            signals.command_answered,
            command_uuid=claimed.uuid,
            device_id=device_id,
            status=status,
        )
    )


def _put_off(channel_id: int, answer: Answer, *, now: datetime) -> None:
    """NotNow: not again in this conversation; counted, and the device is woken later."""
    count = session().scalar(
        sa.update(_C)
        .where(
            _C.uid == (answer.command_uuid or ""),
            _C.channel_id == channel_id,
            _C.finished_at.is_(None),
            _C.delivery_count > 0,
        )
        .values(
            state="not_now",
            status=str(answer.status),
            last_not_now_at=now,
            not_now_at=sa.func.coalesce(_C.not_now_at, now),
            not_now_count=_C.not_now_count + 1,
        )
        .returning(_C.not_now_count),
        execution_options={"synchronize_session": False},
    )
    if count is None:
        _unknown(channel_id, answer)
        return
    due = not_now.wake_at(now, count)
    session().execute(
        sa.update(Channel)
        .where(
            Channel.id == channel_id,
            sa.or_(Channel.plan_due_at.is_(None), Channel.plan_due_at > due),
        )
        .values(plan_due_at=due),
        execution_options={"synchronize_session": False},
    )


def _unknown(channel_id: int, answer: Answer) -> None:
    """An answer to nothing that waits: a repetition is nothing new, anything else is kept."""
    known = session().scalar(
        sa.select(_C.id).where(_C.uid == (answer.command_uuid or ""), _C.channel_id == channel_id)
    )
    if known is None:
        keep_raw(answer, channel_id=channel_id, device=None, reason="no such command")


def keep_raw(answer: Answer, *, channel_id: int | None, device: Device | None, reason: str) -> None:
    """Keep what we cannot place, sealed, and at most a hundred of a channel."""
    kept = session().scalar(
        sa.select(sa.func.count()).select_from(RawAnswer).where(RawAnswer.channel_id == channel_id)
    )
    if (kept or 0) >= _MAX_RAW_PER_CHANNEL:
        return
    row = RawAnswer(
        channel_id=channel_id,
        command_uuid=answer.command_uuid,
        reason=reason[:256],
        uid=new_uid(),
        created_at=utcnow(),
    )
    vault.seal(row, "body", answer.raw or plist.dumps(dict(answer.body)))
    session().add(row)
    if device is not None:
        events.record("answer.unplaced", device=device, reason=reason[:256])


def result_of(command: ChannelCommand) -> bytes | None:
    """The answer as it came (a property list), None before it came."""
    sealed = vault.unseal(command, "result")
    return zlib.decompress(sealed) if sealed is not None else None


def _sealed(answer: Answer) -> str | None:
    if answer.command_uuid is None:
        return None
    packed = zlib.compress(answer.raw or plist.dumps(dict(answer.body)), 1)
    label: str = _C.__table__.c.result.info["sealed"]
    return state().box.seal(packed, label=label, uid=answer.command_uuid)


def _link(item: ChainItem) -> dict[str, Any]:
    return {
        "ErrorCode": item.code,
        "ErrorDomain": item.domain,
        "LocalizedDescription": item.description,
        "USEnglishDescription": item.us_description,
    }
