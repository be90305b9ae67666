"""Taking what a device answers: once, in whatever order, and never refused."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from zmdm_plugin import signals
from zmdm_plugin.commands.base import registry
from zmdm_plugin.db import after_commit, session, typed
from zmdm_plugin.errors import Damaged, Refused
from zmdm_plugin.models import Channel, ChannelCommand, Device, RawAnswer
from zmdm_plugin.models.base import new_uid, utcnow
from zmdm_plugin.protocol import plist
from zmdm_plugin.protocol.connect import Answer, ChainItem, Status
from zmdm_plugin.services import claims, effects, events, notify, targets, vault
from zmdm_plugin.services.enrollment import renewal
from zmdm_plugin.services.events import Fact
from zmdm_plugin.services.planner import RENEWAL, inventory, not_now
from zmdm_plugin.state import state

_C = ChannelCommand
_MAX_RAW = 100
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
    repeatable: bool
    planned: bool

    def counts(self, answer: Answer) -> bool:
        """Whether the answer still means something: no failure does of what a newer order replaced.

        What the device has done is done, and a lock or an erase cannot be taken back by ordering
        another.
        """
        done = answer.status is Status.ACKNOWLEDGED
        return done or self.state in ("acknowledged", "error") or not self.repeatable


def take(channel_id: int, answer: Answer, *, told: list[Fact], interpret: bool = True) -> bool:
    """Settle the command this answers; a second or an unknown answer changes nothing.

    Without `interpret` it is stored and marked, and nothing is concluded from it. True if the
    planner has something to do for it at once. `told` gets the event, for whoever writes them.
    """
    now = utcnow()
    if answer.status is Status.NOT_NOW:
        _put_off(channel_id, answer, now=now)
        return False
    readable = interpret and answer.fault is None
    settled = _settle(channel_id, answer, now=now, readable=readable)
    if settled is None:
        _unknown(channel_id, answer)
        return False
    told.append(_fact(settled, answer))
    changed = readable and settled.counts(answer) and _consequences(settled, answer)
    if settled.state == "error" and settled.planned:
        _look_again(channel_id, now + inventory.AFTER_FAILURE, now=now)
    _tell(settled, answer)
    return changed


def _settle(channel_id: int, answer: Answer, *, now: datetime, readable: bool) -> Settled | None:
    """One statement: the answer of a command that was given out and not yet answered.

    One that we ended ourselves meanwhile keeps its answer, and takes its state from it if that
    said only that nobody knew (unknown, expired).
    """
    values = {
        "uuid": answer.command_uuid or "",
        "channel_id": channel_id,
        "outcome": _STATES[answer.status],
        "status": str(answer.status),
        "error_chain": [_link(item) for item in answer.error_chain] or None,
        "result": _sealed(answer),
        "unreadable": not readable,
        "now": now,
    }
    row = session().execute(_SETTLE, values).one_or_none()
    if row is None:
        return None
    device_id, ended, repeatable, planned_by = row[6:]
    return Settled(claims.Claimed(*row[:6]), device_id, ended, repeatable, planned_by is not None)


_SETTLE = typed(
    """
UPDATE zmdm_command
SET state = CASE WHEN finished_at IS NULL OR state IN ('unknown', 'expired')
        THEN :outcome ELSE state END,
    failure = CASE WHEN finished_at IS NULL OR state IN ('unknown', 'expired')
        THEN NULL ELSE failure END,
    status = :status, error_chain = :error_chain, result = :result, unreadable = :unreadable,
    answered_at = :now, finished_at = COALESCE(finished_at, :now), updated_at = :now
WHERE uid = :uuid AND channel_id = :channel_id AND answered_at IS NULL AND delivery_count > 0
RETURNING id, uid, channel_id, name, args, secret_args, device_id, state, repeatable, planned_by
""",
    {
        "uuid": _C.uid,
        "channel_id": _C.channel_id,
        "outcome": _C.state,
        "status": _C.status,
        "error_chain": _C.error_chain,
        "result": _C.result,
        "unreadable": _C.unreadable,
        "now": _C.updated_at,
    },
    [
        *(_C.id, _C.uid, _C.channel_id, _C.name, _C.args, _C.secret_args),
        *(_C.device_id, _C.state, _C.repeatable, _C.planned_by),
    ],
)


def _consequences(settled: Settled, answer: Answer) -> bool:
    """Facts and secrets of an answer; arguments that a former release took may say nothing.

    True if something was ordered to be planned at once.
    """
    claimed, changed = settled.claimed, False
    if (command := registry.get(claimed.name)) is None:
        return False
    try:
        args = command.restore(claims.open_args(claimed))
    except (Refused, Damaged):
        return False
    if consequences := command.answered(args, answer):
        channel = targets.conversing(claimed.channel_id)
        before = channel.plan_due_at
        effects.apply(channel, claimed, consequences)
        after = channel.plan_due_at
        changed = after is not None and after != before and after <= utcnow()
    carried = command.unwrap(args)[0] or command
    if carried.escrow and answer.status is Status.ACKNOWLEDGED:
        vault.confirm(settled.device_id, claimed.uuid)
    return changed


def _fact(settled: Settled, answer: Answer) -> Fact:
    first = answer.error_chain[0] if answer.error_chain else None
    payload = {
        "name": settled.claimed.name,
        "command": settled.claimed.uuid,
        "status": str(answer.status),
        "state": settled.state,
        "error_domain": first.domain[:128] if first and first.domain else None,
        "error_code": first.code if first else None,
    }
    return Fact("command.answered", settled.device_id, payload)


def _tell(settled: Settled, answer: Answer) -> None:
    """The host hears of it once it is committed."""
    claimed, status, device_id = settled.claimed, str(answer.status), settled.device_id
    after_commit(
        lambda: notify.send(
            signals.command_answered,
            command_uuid=claimed.uuid,
            device_id=device_id,
            status=status,
        )
    )


def _put_off(channel_id: int, answer: Answer, *, now: datetime) -> None:
    """NotNow: not again in this conversation; counted once, and the device is woken later."""
    row = (
        session()
        .execute(
            sa.update(_C)
            .where(
                _C.uid == (answer.command_uuid or ""),
                _C.channel_id == channel_id,
                _C.finished_at.is_(None),
                _C.delivery_count > 0,
                _C.state != "not_now",
            )
            .values(
                state="not_now",
                status=str(answer.status),
                last_not_now_at=now,
                not_now_at=sa.func.coalesce(_C.not_now_at, now),
                not_now_count=_C.not_now_count + 1,
            )
            .returning(_C.not_now_count, _C.name, _C.device_id),
            execution_options={"synchronize_session": False},
        )
        .one_or_none()
    )
    if row is None:
        _unknown(channel_id, answer)
        return
    count, name, device_id = row
    if name == RENEWAL:
        renewal.put_off(device_id)
    _look_again(channel_id, not_now.wake_at(now, count), now=now)


def await_loss(channel_id: int, *, now: datetime) -> None:
    """An Idle came while a command is out: it was lost, but perhaps a moment ago; be told then."""
    due = claims.overdue_at(channel_id)
    if due is not None:
        _look_again(channel_id, max(due, now), now=now)


def _look_again(channel_id: int, due: datetime, *, now: datetime) -> None:
    """Have the planner run (and the device woken for it) at `due`, unless it will before."""
    session().execute(
        sa.update(Channel)
        .where(
            Channel.id == channel_id,
            sa.or_(
                Channel.plan_due_at.is_(None),
                Channel.plan_due_at > due,
                Channel.plan_due_at <= now,
            ),
        )
        .values(plan_due_at=due),
        execution_options={"synchronize_session": False},
    )


def _unknown(channel_id: int, answer: Answer) -> None:
    """An answer to nothing that waits: a repetition is nothing new, anything else is kept.

    A device repeats an answer whose reply it never read, and with it the command that it carried.
    """
    given_out = session().scalar(
        sa.select(_C.delivery_count).where(
            _C.uid == (answer.command_uuid or ""), _C.channel_id == channel_id
        )
    )
    if given_out:
        claims.let_redeliver(channel_id)
    if given_out is None:
        device = session().get_one(Channel, channel_id).device
        keep_raw(answer, channel_id=channel_id, device=device, reason="no such command")


def keep_raw(answer: Answer, *, channel_id: int | None, device: Device, reason: str) -> None:
    """Keep what we cannot place, sealed; of each device the newest hundred."""
    oldest = (
        sa.select(RawAnswer.id)
        .where(RawAnswer.device_id == device.id)
        .order_by(RawAnswer.id.desc())
        .offset(_MAX_RAW - 1)
    )
    session().execute(
        sa.delete(RawAnswer).where(RawAnswer.id.in_(oldest)),
        execution_options={"synchronize_session": False},
    )
    row = RawAnswer(
        channel_id=channel_id,
        device_id=device.id,
        command_uuid=answer.command_uuid[:128] if answer.command_uuid else None,
        reason=reason[:256],
        uid=new_uid(),
        created_at=utcnow(),
    )
    vault.seal(row, "body", answer.raw or plist.dumps(dict(answer.body)))
    session().add(row)
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
