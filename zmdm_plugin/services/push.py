"""Sending wakes: channels are leased in a committed transaction, sent, and their answers stored.

No row lock spans network I/O. A lease that a killed worker left behind expires by itself, and
`push_due_at` is cleared only where it still is the one that was claimed, so that a wake ordered
meanwhile is not lost.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.clients.apns import Action, ApnsClient, Outcome, Push, back_off, decide
from zmdm_plugin.db import session
from zmdm_plugin.models import Channel, Device, PushCertificate
from zmdm_plugin.services import events

log = logging.getLogger(__name__)

BATCH = 1000
LEASE = timedelta(seconds=90)
LIFETIME = timedelta(days=7)
"""How long Apple keeps a push for a device that is offline."""
_DAILY = timedelta(days=1)
_RETRY_CERTIFICATE = timedelta(minutes=15)
_FIRST_WAIT, _LONGEST_WAIT = 30.0, 6 * 3600.0

_C = Channel


@dataclass(frozen=True, slots=True)
class Leased:
    """One channel to wake, and the order to wake it (its due date)."""

    id: int
    due_at: datetime
    token: bytes = field(repr=False)
    magic: str = field(repr=False)
    token_at: datetime | None
    attempts: int
    certificate_id: int


def lease(*, now: datetime, limit: int, bulk: bool) -> list[Leased]:
    """Claim channels that are due for `LEASE`; the caller commits before it sends."""
    rows = session().execute(
        sa.update(_C)
        .where(_C.id.in_(_due(now, bulk).limit(limit)))
        .values(push_leased_until=now + LEASE)
        .returning(
            _C.id,
            _C.push_due_at,
            _C.push_token,
            _C.push_magic,
            _C.push_token_at,
            _C.push_attempts,
            sa.select(Device.push_certificate_id)
            .where(Device.id == _C.device_id)
            .scalar_subquery(),
        ),
        execution_options={"synchronize_session": False},
    )
    return [Leased(*row) for row in rows]


def _due(now: datetime, bulk: bool) -> sa.Select[int]:
    """Channels that may be pushed now, the longest due first; what others have locked is left."""
    return (
        sa.select(_C.id)
        .join(Device, Device.id == _C.device_id)
        .join(PushCertificate, PushCertificate.id == Device.push_certificate_id)
        .where(
            _C.push_due_at <= now,
            _C.push_bulk.is_(bulk),
            sa.or_(_C.push_leased_until.is_(None), _C.push_leased_until <= now),
            _C.ended_at.is_(None),
            _C.push_dead_at.is_(None),
            _C.push_token.is_not(None),
            PushCertificate.certificate.is_not(None),
            sa.or_(PushCertificate.retry_at.is_(None), PushCertificate.retry_at <= now),
            sa.or_(
                _C.push_suspended_certificate_id.is_(None),
                _C.push_suspended_certificate_id != PushCertificate.id,
                _C.push_answered_at <= now - _DAILY,
            ),
        )
        .order_by(_C.push_due_at)
        .with_for_update(of=_C, skip_locked=True)
    )


def send(
    leased: Sequence[Leased], clients: Mapping[int, ApnsClient], *, now: datetime
) -> list[tuple[Leased, Outcome]]:
    """Push one batch, outside any transaction; an outcome for each."""
    expiration = int((now + LIFETIME).timestamp())
    groups: dict[int, list[Leased]] = defaultdict(list)
    for one in leased:
        groups[one.certificate_id].append(one)
    answered: list[tuple[Leased, Outcome]] = []
    for certificate_id, group in groups.items():
        outcomes = _sent(clients.get(certificate_id), group, expiration)
        answered.extend(zip(group, outcomes, strict=True))
    return answered


def _sent(client: ApnsClient | None, group: Sequence[Leased], expiration: int) -> list[Outcome]:
    if client is None:
        return [Outcome(one.id, 0, "CertificateRejected") for one in group]
    return client.send(Push(one.id, one.token, one.magic, expiration) for one in group)


def store(answered: Iterable[tuple[Leased, Outcome]], *, now: datetime) -> None:
    """Keep what Apple said of each channel, in a few statements for the whole batch."""
    by_action: dict[Action, list[tuple[Leased, Outcome]]] = defaultdict(list)
    for leased, outcome in answered:
        by_action[decide(outcome, token_since=leased.token_at)].append((leased, outcome))
    for action, pairs in by_action.items():
        _STORE[action](pairs, now)


def _delivered(pairs: Sequence[tuple[Leased, Outcome]], now: datetime) -> None:
    _update(
        pairs,
        now,
        clear=True,
        pushed_at=now,
        push_attempts=0,
        push_suspended_certificate_id=None,
    )


def _killed(pairs: Sequence[tuple[Leased, Outcome]], now: datetime) -> None:
    _update(pairs, now, clear=True, push_dead_at=now)
    _tell(pairs, "push.token_dead")


def _suspended(pairs: Sequence[tuple[Leased, Outcome]], now: datetime) -> None:
    """Tried again daily, for a TokenUpdate may never come again."""
    _update(
        pairs,
        now,
        due_at=now + _DAILY,
        push_suspended_certificate_id=sa.select(Device.push_certificate_id)
        .where(Device.id == _C.device_id)
        .scalar_subquery(),
    )
    _tell(pairs, "push.token_refused")


def _backed_off(pairs: Sequence[tuple[Leased, Outcome]], now: datetime) -> None:
    """Each waits by its own count of failures, with jitter."""
    groups: dict[int, list[tuple[Leased, Outcome]]] = defaultdict(list)
    for pair in pairs:
        groups[pair[0].attempts].append(pair)
    for attempts, group in groups.items():
        wait = back_off(attempts + 1, first=_FIRST_WAIT, longest=_LONGEST_WAIT)
        _update(group, now, due_at=now + timedelta(seconds=wait), push_attempts=attempts + 1)


def _broken(pairs: Sequence[tuple[Leased, Outcome]], now: datetime) -> None:
    """Apple refuses the certificate: nothing more is sent with it for a while; devices stay due."""
    _update(pairs, now)
    reasons = {leased.certificate_id: outcome.reason for leased, outcome in pairs}
    for certificate_id, reason in reasons.items():
        row = session().get_one(PushCertificate, certificate_id)
        if row.broken_at is None:
            events.record("push_certificate.broken", name=row.name, reason=reason)
        row.broken_at = row.broken_at or now
        row.broken_reason, row.retry_at = reason, now + _RETRY_CERTIFICATE
        log.error("Apple refuses push certificate %s: %s", certificate_id, reason)


def _defect(pairs: Sequence[tuple[Leased, Outcome]], now: datetime) -> None:
    log.error("Apple calls a push of ours wrong: %s", {outcome.reason for _, outcome in pairs})
    _backed_off(pairs, now)


_STORE = {
    Action.DELIVERED: _delivered,
    Action.KILL_TOKEN: _killed,
    Action.SUSPEND_TOKEN: _suspended,
    Action.BREAK_CERTIFICATE: _broken,
    Action.BACK_OFF: _backed_off,
    Action.REPORT_DEFECT: _defect,
}


def _update(
    pairs: Sequence[tuple[Leased, Outcome]],
    now: datetime,
    *,
    clear: bool = False,
    due_at: datetime | None = None,
    **columns: Any,
) -> None:
    """Write one outcome on many channels; a newer order to wake keeps its own due date."""
    groups: dict[tuple[int, str | None], list[Leased]] = defaultdict(list)
    for leased, outcome in pairs:
        groups[(outcome.status, outcome.reason)].append(leased)
    for (status, reason), group in groups.items():
        values: dict[Any, Any] = {
            "push_leased_until": None,
            "push_status": status,
            "push_reason": reason,
            "push_answered_at": now,
            **columns,
        }
        if clear or due_at is not None:
            claimed = sa.tuple_(_C.id, _C.push_due_at).in_(
                [(leased.id, leased.due_at) for leased in group]
            )
            values["push_due_at"] = sa.case((claimed, due_at), else_=_C.push_due_at)
        session().execute(
            sa.update(_C).where(_C.id.in_([leased.id for leased in group])).values(values),
            execution_options={"synchronize_session": False},
        )


def _tell(pairs: Sequence[tuple[Leased, Outcome]], kind: str) -> None:
    ids = [leased.id for leased, _ in pairs]
    devices = dict(
        session().execute(sa.select(_C.id, _C.device_id).where(_C.id.in_(ids))).tuples().all()
    )
    for leased, outcome in pairs:
        events.record(kind, device=devices.get(leased.id), reason=outcome.reason)


def is_due(*, now: datetime) -> bool:
    """Whether anything waits to be pushed."""
    found = session().scalar(
        sa.select(_C.id)
        .where(
            _C.push_due_at <= now,
            _C.ended_at.is_(None),
            _C.push_dead_at.is_(None),
            _C.push_token.is_not(None),
            sa.or_(_C.push_leased_until.is_(None), _C.push_leased_until <= now),
        )
        .limit(1)
    )
    return found is not None
