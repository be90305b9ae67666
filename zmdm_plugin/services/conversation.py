"""The command channel: an Idle is answered in one statement, an answer settles its command, the
next one is claimed and rendered.

`idle()` needs no transaction and no ORM; when it says that there is more to do (None), the edge
opens a transaction and calls `converse()`, which locks the channel's row with its first statement,
so that the conversations of a channel take turns.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from zmdm_plugin import origin
from zmdm_plugin.db import HotStatement, session
from zmdm_plugin.errors import Damaged, Unavailable, ZmdmError
from zmdm_plugin.models import Device
from zmdm_plugin.models.base import UtcDateTime, utcnow
from zmdm_plugin.protocol import connect as wire
from zmdm_plugin.protocol.who import Who
from zmdm_plugin.services import answers, claims, events, identity, release, targets
from zmdm_plugin.services.artifacts import present
from zmdm_plugin.services.events import Fact
from zmdm_plugin.services.identity import Evidence
from zmdm_plugin.services.planner import RENEWAL, plan_channel
from zmdm_plugin.services.protection import orders as protecting

log = logging.getLogger(__name__)

_POLL = """
UPDATE zmdm_channel SET last_seen_at = :now,
    conversation_at = CASE WHEN :idle = 1 THEN :now ELSE conversation_at END{relaxed}
WHERE id = (
    SELECT c.id FROM zmdm_identity i
    JOIN zmdm_device d ON d.id = i.device_id
    JOIN zmdm_channel c ON c.device_id = d.id
    WHERE i.fingerprint = :fingerprint AND i.state = 'active'
      AND (i.retire_at IS NULL OR i.retire_at > :now)
      AND (d.udid = :device_key OR d.enrollment_uid = :device_key)
      AND d.blocked_at IS NULL AND d.released_at IS NULL
      AND c.key = :channel_key AND c.ended_at IS NULL)
RETURNING id, device_id,
    (plan_due_at IS NOT NULL AND plan_due_at <= :now),
    EXISTS (SELECT 1 FROM zmdm_command k
            WHERE k.channel_id = zmdm_channel.id AND k.finished_at IS NULL
              AND (k.not_before IS NULL OR k.not_before <= :now)),
    (SELECT CASE WHEN d.seen_hour IS NULL OR d.seen_hour < :hour THEN 1 ELSE 0 END
          + CASE WHEN coalesce(f.value, 0) = zmdm_channel.planned_revision
                  AND coalesce(b.value, 0) = zmdm_channel.planned_blueprint_revision
            THEN 0 ELSE 2 END
     FROM zmdm_device d
     LEFT JOIN zmdm_revision f ON f.name = 'fleet'
     LEFT JOIN zmdm_revision b ON b.name = 'blueprint:' || d.blueprint_id
     WHERE d.id = zmdm_channel.device_id)
"""
_NEW_HOUR, _REVISED = 1, 2
"""What the last column of the poll adds up: the fleet or the blueprint has a newer revision."""
# last_seen_at may be lost in a crash: the poll of an idle device does not wait for the disk.
_RELAXED = "\nFROM (SELECT set_config('synchronous_commit', 'off', true)) AS relaxed"

_IDLE = HotStatement(_POLL.format(relaxed=""), postgresql=_POLL.format(relaxed=_RELAXED))
_LOCK = sa.text(_POLL.format(relaxed="")).bindparams(
    sa.bindparam("now", type_=UtcDateTime()), sa.bindparam("hour", type_=UtcDateTime())
)


@dataclass(frozen=True, slots=True)
class Polled:
    """What the one statement of a poll tells."""

    channel_id: int
    device_id: int
    plans: bool
    """Whether the planner has to look: a deadline has passed, or something has changed."""
    outstanding: bool
    new_hour: bool

    @classmethod
    def of(cls, row: Any) -> Polled:
        channel_id, device_id, due, outstanding, marks = row
        return cls(
            channel_id,
            device_id,
            bool(due) or bool(marks & _REVISED),
            bool(outstanding),
            bool(marks & _NEW_HOUR),
        )

    @property
    def nothing(self) -> bool:
        return not (self.plans or self.outstanding or self.new_hour)


def idle(
    evidence: Evidence, message: Mapping[str, Any], *, bound: sa.Engine, prepare: bool
) -> bool:
    """Note a poll; True if there is nothing to do, else open a transaction and converse.

    Needs no application context, so that it can be asked before Flask is entered.
    """
    device_key = message.get("UDID")
    if not isinstance(device_key, str) or message.keys() - _DEVICE_IDLE:
        return False
    now = utcnow()
    if evidence.expired(now) or evidence.vouched:
        return False
    values = _values(evidence, Who(udid=device_key), now=now, is_idle=True)
    row = _IDLE.first(values, bound=bound, prepare=prepare)
    return row is not None and Polled.of(row).nothing


_DEVICE_IDLE = frozenset({"Status", "UDID"})
"""Keys of the Idle that nearly every poll is: of the device channel, without anything special."""


def converse(evidence: Evidence, answer: wire.Answer, *, cautious: bool = False) -> bytes:
    """Take an answer and hand out the next command; an empty body ends the conversation.

    `cautious`: a first try failed over what this answer says or what was planned, and was rolled
    back: now the answer is only kept and marked, for a device repeats what is not taken.
    """
    if answer.who is None:
        return _unplaced(evidence, answer)
    if evidence.vouched:
        identity.require(evidence, answer.who)
    now = utcnow()
    row = (
        session()
        .execute(_LOCK, _values(evidence, answer.who, now=now, is_idle=answer.idle))
        .one_or_none()
    )
    if row is None:
        return _not_in_use(evidence, answer)
    polled = Polled.of(row)
    if polled.new_hour:
        _note_hour(polled.device_id, now)
    origin.speaks(polled.device_id, answer.command_uuid)
    changed, told = False, list[Fact]()
    if not answer.idle:
        changed = answers.take(polled.channel_id, answer, told=told, interpret=not cautious)
    elif polled.outstanding:
        told += claims.settle_overdue(polled.channel_id, now=now)
    expired = evidence.expired(now)
    if (polled.plans or changed or expired or answer.need_sync_response) and not cautious:
        _plan(polled)
    body = _next(polled, told, now=now, only=RENEWAL if expired else "")
    events.record_all(told)
    if not body and answer.idle and polled.outstanding:
        answers.await_loss(polled.channel_id, now=now)
    return body


def _plan(polled: Polled) -> None:
    channel = targets.conversing(polled.channel_id)
    session().refresh(channel)
    plan_channel(channel)
    session().flush()


def _next(polled: Polled, told: list[Fact], *, now: datetime, only: str) -> bytes:
    """Claim and render until one can be sent; those that cannot end, so this does too."""
    while claimed := claims.claim(polled.channel_id, now=now, only=only):
        about = {"name": claimed.name, "command": claimed.uuid}
        body, why = _rendered(claimed, now=now)
        if body:
            told.append(Fact("command.sent", polled.device_id, about))
            return body
        told.append(Fact("command.failed", polled.device_id, {**about, "why": why[:500]}))
    return b""


def _rendered(claimed: claims.Claimed, *, now: datetime) -> tuple[bytes, str]:
    """The body of a command; else why this one cannot be made, which stops no other."""
    try:
        return wire.command(claimed.uuid, claims.render(claimed)), ""
    except Damaged as error:
        why = str(error)
    except (Unavailable, sa.exc.SQLAlchemyError):
        raise
    except ZmdmError as error:
        why = str(error)
    except Exception as error:  # a mistake in one command must not stop the queue behind it
        log.exception("command %s (%s) cannot be rendered", claimed.uuid, claimed.name)
        why = f"it could not be rendered ({type(error).__name__})"
    claims.fail(claimed, why, now=now)
    channel = targets.conversing(claimed.channel_id)
    present.refused(channel, claimed.name, claimed.args, why)
    protecting.refused(channel.device, claimed.name, why)
    return b"", why


def _unplaced(evidence: Evidence, answer: wire.Answer) -> bytes:
    """An answer in which we cannot even read the sender: kept if its certificate is pinned."""
    device = identity.device_of(evidence)
    answers.keep_raw(answer, channel_id=None, device=device, reason=answer.fault or "no sender")
    return b""


def _not_in_use(evidence: Evidence, answer: wire.Answer) -> bytes:
    """The slow way: find out why the poll's statement found no channel; refuse or say "nothing".

    An unknown channel of a known device (a user whose TokenUpdate is still to come), a pending
    identity and a checked-out device all get an empty 200.
    """
    assert answer.who is not None
    known = identity.require(evidence, answer.who)
    release.unless_allowed(known.device, anew=known.pending)
    if not answer.idle and answer.command_uuid:
        answers.keep_raw(
            answer, channel_id=None, device=known.device, reason="the channel is not in use"
        )
    return b""


def _note_hour(device_id: int, now: datetime) -> None:
    session().execute(
        sa.update(Device).where(Device.id == device_id).values(seen_hour=_hour(now)),
        execution_options={"synchronize_session": False},
    )


def _values(evidence: Evidence, who: Who, *, now: datetime, is_idle: bool) -> dict[str, Any]:
    return {
        "now": now,
        "hour": _hour(now),
        "idle": int(is_idle),
        "fingerprint": evidence.fingerprint,
        "device_key": who.device_key,
        "channel_key": who.user_key,
    }


def _hour(now: datetime) -> datetime:
    return now - timedelta(minutes=now.minute, seconds=now.second, microseconds=now.microsecond)
