"""Sending wakes: channels are claimed in a committed transaction, sent, and their answers stored.

No row lock spans network I/O. The claim of a killed worker ends by itself, and `push_due_at` is
cleared only where it still is the order that was claimed, so that a wake ordered meanwhile is not
lost. A batch is of one certificate; one that Apple refuses rests, and is then tried with one push.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa

from zmdm_plugin.clients.apns import (
    Action,
    ApnsClient,
    LocalReason,
    Outcome,
    Push,
    back_off,
    decide,
)
from zmdm_plugin.db import is_postgresql, session
from zmdm_plugin.models import Channel, Device, PushCertificate
from zmdm_plugin.services import events
from zmdm_plugin.services.metrics import counters

log = logging.getLogger(__name__)

BATCH = 1000
LIFETIME = timedelta(days=7)
"""How long Apple keeps a push for a device that is offline."""
_DAILY = timedelta(days=1)
_RETRY_CERTIFICATE = timedelta(minutes=15)
_FIRST_WAIT = 30.0
_TAKEN = "Success"
_LONGEST_WAIT = 6 * 3600.0
_LONGEST_OUTAGE_WAIT = 300.0
"""No answer says nothing about the device: all shall be pushed soon after an outage has ended."""
_SPREAD = 50
"""So many channels share one random wait."""

_C = Channel
_P = PushCertificate


@dataclass(frozen=True, slots=True)
class Leased:
    """One channel to wake."""

    id: int
    device_id: int
    token: bytes = field(repr=False)
    magic: str = field(repr=False)
    token_at: datetime | None
    attempts: int
    suspended_certificate_id: int | None
    """The certificate under which Apple has refused its token before."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A batch: channels of one certificate, claimed for a while."""

    certificate_id: int
    at: datetime
    channels: tuple[Leased, ...]


Answered = Sequence[tuple[Leased, Outcome]]


def claim(*, now: datetime, limit: int, bulk: bool, lasts: timedelta) -> Claim | None:
    """Claim due channels of the certificate that has waited longest; commit before sending."""
    chosen = _certificate(now=now, bulk=bulk)
    if chosen is None:
        return None
    certificate_id, broken = chosen
    due = (
        sa.select(_C.id)
        .join(Device, Device.id == _C.device_id)
        .join(_P, _P.id == Device.push_certificate_id)
        # + 0 keeps the planner from going through all devices of this certificate for each row.
        .where(_P.id + 0 == certificate_id, _C.push_bulk.is_(bulk), *_sendable(now))
        .order_by(_C.push_due_at)
        .limit(1 if broken else limit)
        .with_for_update(of=_C, skip_locked=True, key_share=True)
        .cte("due")
    )
    rows = session().execute(
        sa.update(_C)
        .where(_C.id.in_(sa.select(due.c.id)))
        .values(push_leased_until=now + lasts, push_claimed_at=_C.push_due_at)
        .returning(
            _C.id,
            _C.device_id,
            _C.push_token,
            _C.push_magic,
            _C.push_token_at,
            _C.push_attempts,
            _C.push_suspended_certificate_id,
        ),
        execution_options={"synchronize_session": False},
    )
    leased = tuple(Leased(*cast(Any, row)) for row in rows)
    return Claim(certificate_id, now, leased) if leased else None


def is_due(*, now: datetime, bulk: bool | None = None) -> bool:
    """Whether anything waits that would be sent now; what cannot be sent is not due."""
    return any(
        _certificate(now=now, bulk=which) is not None
        for which in ((False, True) if bulk is None else (bulk,))
    )


def _certificate(*, now: datetime, bulk: bool) -> tuple[int, bool] | None:
    """Whose pushes are the oldest due, and whether Apple has refused it."""
    _oldest_first()
    row = (
        session()
        .execute(
            sa.select(_P.id, _P.broken_at)
            .select_from(_C)
            .join(Device, Device.id == _C.device_id)
            .join(_P, _P.id == Device.push_certificate_id)
            .where(_C.push_bulk.is_(bulk), *_sendable(now))
            .order_by(_C.push_due_at)
            .limit(1)
        )
        .one_or_none()
    )
    return None if row is None else (row[0], row[1] is not None)


def _oldest_first() -> None:
    """Have this transaction walk the index of due dates and stop at the limit, on PostgreSQL.

    Its statistics say that next to nothing is due, so in the middle of a fan-out it would collect
    and sort the whole fleet for each batch: 4.7 s for one of 1,000, where walking takes 20 ms.
    """
    if is_postgresql():
        names = ("enable_sort", "enable_bitmapscan", "jit")
        off = (sa.func.set_config(name, "off", True) for name in names)
        session().execute(sa.select(*off))


def _sendable(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """Due, with a token that lives, and a certificate that is not resting.

    A token that Apple refused under this very certificate gets one try a day.
    """
    return (
        _C.push_due_at <= now,
        sa.or_(_C.push_leased_until.is_(None), _C.push_leased_until <= now),
        _C.ended_at.is_(None),
        _C.push_dead_at.is_(None),
        _C.push_token.is_not(None),
        _C.push_magic.is_not(None),
        _P.certificate.is_not(None),
        sa.or_(_P.retry_at.is_(None), _P.retry_at <= now),
        sa.or_(
            _C.push_suspended_certificate_id.is_(None),
            _C.push_suspended_certificate_id != _P.id,
            _C.push_answered_at <= now - _DAILY,
            _C.push_answered_at < _P.taken_at,
        ),
    )


def send(claimed: Claim, client: ApnsClient | None) -> Answered:
    """Push one batch, outside any transaction; an outcome for each."""
    if client is None:
        reason = LocalReason.CERTIFICATE_UNUSABLE
        return [(one, Outcome(one.id, 0, reason)) for one in claimed.channels]
    expiration = int((claimed.at + LIFETIME).timestamp())
    outcomes = client.send(
        Push(one.id, one.token, one.magic, expiration) for one in claimed.channels
    )
    return list(zip(claimed.channels, outcomes, strict=True))


def unanswered(answered: Answered) -> bool:
    """Whether the push service is away: nothing of a batch was answered, for no fault of ours."""
    return all(
        outcome.status == 0 and decide(outcome) in (Action.BACK_OFF, Action.STILL_DUE)
        for _, outcome in answered
    )


def store(claimed: Claim, answered: Answered, *, now: datetime) -> None:
    """Keep what Apple said of each channel, in a few statements for the whole batch."""
    by_action: dict[Action, list[tuple[Leased, Outcome]]] = defaultdict(list)
    for leased, outcome in answered:
        by_action[decide(outcome, token_since=leased.token_at)].append((leased, outcome))
    storing = _Storing(claimed, now)
    for action, pairs in sorted(by_action.items(), key=lambda item: item[0].value):
        _STORE[action](storing, pairs)


class _Storing:
    """What is written for each action; one outcome is one statement, whatever their number."""

    def __init__(self, claimed: Claim, now: datetime) -> None:
        self.claimed = claimed
        self.now = now

    def delivered(self, pairs: Answered) -> None:
        self._update(
            pairs,
            push_due_at=_unless_newer(None),
            pushed_at=self.claimed.at,
            push_attempts=0,
            push_suspended_certificate_id=None,
        )
        mended = session().scalar(
            sa.update(_P)
            .where(_P.id == self.claimed.certificate_id, _P.broken_at.is_not(None))
            .values(broken_at=None, broken_reason=None, retry_at=None)
            .returning(_P.name),
            execution_options={"synchronize_session": False},
        )
        if mended is not None:
            events.record("push_certificate.mended", name=mended)

    def killed(self, pairs: Answered) -> None:
        """Only the token that was pushed is dead, not one that has come meanwhile."""
        self._update(
            pairs,
            push_due_at=_unless_newer(None),
            push_dead_at=sa.case((_same_token(pairs), self.now), else_=_C.push_dead_at),
        )
        for leased, outcome in pairs:
            events.record("push.token_dead", device=leased.device_id, reason=outcome.reason)

    def suspended(self, pairs: Answered) -> None:
        """It stays due, for one try a day, as a TokenUpdate may never come again."""
        certificate_id = self.claimed.certificate_id
        self._update(
            pairs,
            push_bulk=True,
            push_suspended_certificate_id=sa.case(
                (_same_token(pairs), certificate_id), else_=_C.push_suspended_certificate_id
            ),
        )
        for leased, outcome in pairs:
            if leased.suspended_certificate_id != certificate_id:
                events.record("push.token_refused", device=leased.device_id, reason=outcome.reason)

    def backed_off(self, pairs: Answered) -> None:
        """Each waits by its own count of failures."""
        groups: dict[tuple[int, bool], list[tuple[Leased, Outcome]]] = defaultdict(list)
        for leased, outcome in pairs:
            groups[(leased.attempts, outcome.status == 0)].append((leased, outcome))
        for (attempts, outage), group in groups.items():
            longest = _LONGEST_OUTAGE_WAIT if outage else _LONGEST_WAIT
            for few in _slices(group, _SPREAD):
                wait = back_off(attempts + 1, first=_FIRST_WAIT, longest=longest)
                later = self.now + timedelta(seconds=wait)
                self._update(few, push_due_at=_unless_newer(later), push_attempts=attempts + 1)

    def still_due(self, pairs: Answered) -> None:
        """As before the claim: somebody sends it in a moment."""
        session().execute(
            sa.update(_C)
            .where(_C.id.in_(sorted(leased.id for leased, _ in pairs)))
            .values(push_leased_until=None, push_claimed_at=None),
            execution_options={"synchronize_session": False},
        )

    def broken(self, pairs: Answered) -> None:
        """Nothing more is sent with this certificate for a while; its devices stay due."""
        self._update(pairs)
        row = session().get_one(_P, self.claimed.certificate_id, populate_existing=True)
        # What came first was Apple's own word, the rest was not sent for it.
        reason = next((o.reason for _, o in pairs if o.status), None) or pairs[0][1].reason
        if row.broken_at is None or row.broken_reason != reason:
            events.record("push_certificate.broken", name=row.name, reason=reason)
            log.error("pushes with certificate %s rest: %s", row.id, reason)
        row.broken_at = row.broken_at or self.now
        row.broken_reason, row.retry_at = reason, self.now + _RETRY_CERTIFICATE

    def defect(self, pairs: Answered) -> None:
        log.error("Apple calls a push of ours wrong: %s", {outcome.reason for _, outcome in pairs})
        self.backed_off(pairs)

    def _update(self, pairs: Answered, **columns: Any) -> None:
        """Write an outcome on many channels, and give the claim back."""
        groups: dict[tuple[int, str | None], list[int]] = defaultdict(list)
        for leased, outcome in pairs:
            groups[(outcome.status, outcome.reason)].append(leased.id)
        reasons = {
            reason or (_TAKEN if status == 200 else "no answer"): len(ids)
            for (status, reason), ids in groups.items()
        }
        counters.add(counters.PUSHES, reasons)
        for (status, reason), ids in groups.items():
            session().execute(
                sa.update(_C)
                .where(_C.id.in_(sorted(ids)))
                .values(
                    push_leased_until=None,
                    push_claimed_at=None,
                    push_status=status,
                    push_reason=reason,
                    push_answered_at=self.now,
                    **columns,
                ),
                execution_options={"synchronize_session": False},
            )


_STORE = {
    Action.DELIVERED: _Storing.delivered,
    Action.KILL_TOKEN: _Storing.killed,
    Action.SUSPEND_TOKEN: _Storing.suspended,
    Action.BREAK_CERTIFICATE: _Storing.broken,
    Action.BACK_OFF: _Storing.backed_off,
    Action.STILL_DUE: _Storing.still_due,
    Action.REPORT_DEFECT: _Storing.defect,
}


def _unless_newer(moment: datetime | None) -> sa.ColumnElement[Any]:
    """The new due date where the order is the one that was pushed; a newer order stays due."""
    return sa.case((_C.push_due_at == _C.push_claimed_at, moment), else_=_C.push_due_at)


def _same_token(pairs: Answered) -> sa.ColumnElement[bool]:
    return sa.tuple_(_C.id, _C.push_token).in_([(one.id, one.token) for one, _ in pairs])


def _slices(pairs: Answered, size: int) -> Iterator[Answered]:
    for start in range(0, len(pairs), size):
        yield pairs[start : start + size]
