"""What is to be told, and what became of it: claimed in batches, in order for each device.

A delivery is claimed by a committed lease, so that no row is locked while somebody else's server
is waited for. What fails is tried again after growing waits, and the later ones of its device wait
behind it, as they do behind what somebody has claimed. After three days it is given up, so that
one event that nobody can take does not hold back the others for ever. Webhooks take turns: whoever
answers slowly, or not at all, costs the others nothing.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased, contains_eager, undefer

from zmdm_plugin.db import session
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import Device, Event, Webhook, WebhookDelivery
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.queues import defer
from zmdm_plugin.services import vault
from zmdm_plugin.services.keyset import DEFAULT_LIMIT, Keyset, Page
from zmdm_plugin.services.webhooks import hooks

JOB = "webhooks.deliver"
BATCH = 50
LEASE = timedelta(minutes=5)
"""Much longer than a batch takes, see the job: what runs out too early is told out of order."""
GIVE_UP_AFTER = timedelta(days=3)
_FIRST_WAIT, _LONGEST_WAIT = timedelta(seconds=10), timedelta(hours=2)
_REPLAYED = 5000
_NEVER = datetime.min.replace(tzinfo=UTC)
_D, _W = WebhookDelivery, Webhook


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One delivery, ready to be sent without the database."""

    id: int
    webhook_id: int
    stream: int
    event_id: int
    kind: str
    data_version: int
    payload: Mapping[str, Any]
    created_at: datetime
    device: Mapping[str, Any] | None
    attempts: int
    first_try: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What is sent to one webhook in one go."""

    webhook_id: int
    url: str
    secret: bytes = field(repr=False)
    letters: tuple[Letter, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """How it went; `reached`: whether anybody answered."""

    letter: Letter
    error: str | None = None
    reached: bool = True


def write(event: Event, kind: str, device_id: int | None) -> None:
    """Note an event for whoever wants it, in its transaction."""
    wanted = hooks.for_event(kind, device_id)
    if not wanted:
        return
    now, stream = utcnow(), stream_of(kind, device_id, event.payload)
    for webhook_id in wanted:
        row = _D(webhook_id=webhook_id, stream=stream, due_at=now, created_at=now)
        row.event = event
        session().add(row)
    defer(JOB, once=JOB)


def stream_of(kind: str, device_id: int | None, payload: Mapping[str, Any]) -> int:
    """What is told in order with it: what is about the same device; else about the same thing of
    its family, so that what is refused of one does not hold back alerts."""
    if device_id is not None:
        return device_id
    about = payload.get("serial_number") or payload.get("alert") or ""
    return -1 - zlib.crc32(f"{kind.partition('.')[0]}:{about}".encode())


def is_wanted(kind: str) -> bool:
    """Whether some webhook may want events of this kind."""
    return hooks.any_likes(kind)


def claim(*, now: datetime) -> Batch | None:
    """Claim what is due for the webhook that has waited longest for its turn; commit before
    sending. None: nothing is due. A batch is empty where somebody else was quicker."""
    webhook_id = _whose_turn(now)
    if webhook_id is None:
        return None
    # Only one at a time chooses: the other would take what comes after it on the same devices.
    session().execute(sa.select(_W.id).where(_W.id == webhook_id).with_for_update(key_share=True))
    chosen = (
        sa.select(_D.id)
        .where(*_due(webhook_id, now))
        .order_by(_D.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
        .cte("chosen")
    )
    claimed = session().scalars(
        sa.update(_D)
        .where(_D.id.in_(sa.select(chosen.c.id)))
        .values(leased_until=now + LEASE)
        .returning(_D.id),
        execution_options={"synchronize_session": False},
    )
    return _batch(webhook_id, claimed.all())


def is_due(*, now: datetime) -> bool:
    """Whether something would be sent now."""
    return _whose_turn(now) is not None


def _whose_turn(now: datetime) -> int | None:
    """Of those that something is due for, the one that was tried least recently."""
    rows = session().execute(
        sa.select(_W.id, _W.last_success_at, _W.last_error_at).where(
            _W.enabled.is_(True), sa.or_(_W.next_try_at.is_(None), _W.next_try_at <= now)
        )
    )
    turns = sorted(
        (max((at for at in tried if at is not None), default=_NEVER), webhook_id)
        for webhook_id, *tried in rows
    )
    return next((one for _, one in turns if _has_due(one, now)), None)


def _has_due(webhook_id: int, now: datetime) -> bool:
    query = sa.select(_D.id).where(*_due(webhook_id, now)).order_by(_D.id).limit(1)
    return session().scalar(query) is not None


def _due(webhook_id: int, now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """What may be sent: nothing earlier of its stream is claimed, or waits for its next try."""
    earlier = aliased(_D)
    held = (
        sa.exists()
        .where(
            earlier.webhook_id == webhook_id,
            earlier.stream == _D.stream,
            earlier.id < _D.id,
            earlier.dead_at.is_(None),
            # The predicate of an index that is nearly empty.
            sa.or_(earlier.attempts > 0, earlier.leased_until.is_not(None)),
            sa.or_(earlier.due_at > now, earlier.leased_until >= now),
        )
        .correlate(_D)
    )
    return (
        _D.webhook_id == webhook_id,
        _D.dead_at.is_(None),
        _D.due_at <= now,
        sa.or_(_D.leased_until.is_(None), _D.leased_until < now),
        ~held,
    )


def _batch(webhook_id: int, ids: Sequence[int]) -> Batch:
    hook = (
        session()
        .scalars(sa.select(_W).where(_W.id == webhook_id).options(undefer(_W.secret)))
        .one()
    )
    rows = session().execute(
        sa.select(_D, Device.serial_number, Device.udid, Device.name)
        .join(Event, Event.id == _D.event_id)
        .outerjoin(Device, Device.id == Event.device_id)
        .where(_D.id.in_(ids))
        .options(contains_eager(_D.event))
        .order_by(_D.id),
        execution_options={"populate_existing": True},
    )
    letters = tuple(_letter(*row) for row in rows)
    return Batch(
        webhook_id=webhook_id,
        url=hook.url,
        secret=vault.unseal(hook, "secret") or b"",
        letters=letters,
    )


def _letter(row: WebhookDelivery, serial: str | None, udid: str | None, name: str | None) -> Letter:
    event = row.event
    device = None
    if event.device_id is not None:
        device = {"id": event.device_id, "serial_number": serial, "udid": udid, "name": name}
    return Letter(
        id=row.id,
        webhook_id=row.webhook_id,
        stream=row.stream,
        event_id=event.id,
        kind=event.kind,
        data_version=event.version,
        payload=event.payload,
        created_at=event.created_at,
        device=device,
        attempts=row.attempts,
        first_try=row.created_at,
    )


def store(batch: Batch, told: Sequence[Told], *, now: datetime) -> None:
    """Keep how a batch went; what was not even tried is given back."""
    delivered = [one.letter.id for one in told if one.error is None]
    session().execute(
        sa.delete(_D).where(_D.id.in_(delivered)), execution_options={"synchronize_session": False}
    )
    for error, letters in _failures(told).items():
        for letter in letters:
            _put_off(letter, error, now=now)
    rest = {letter.id for letter in batch.letters} - {one.letter.id for one in told}
    session().execute(
        sa.update(_D).where(_D.id.in_(sorted(rest))).values(leased_until=None),
        execution_options={"synchronize_session": False},
    )
    _note(batch.webhook_id, told, now=now)


def _failures(told: Sequence[Told]) -> Mapping[str, list[Letter]]:
    found: dict[str, list[Letter]] = defaultdict(list)
    for one in told:
        if one.error is not None:
            found[one.error[:500]].append(one.letter)
    return found


def _put_off(letter: Letter, error: str, *, now: datetime) -> None:
    given_up = now - letter.first_try >= GIVE_UP_AFTER
    session().execute(
        sa.update(_D)
        .where(_D.id == letter.id)
        .values(
            attempts=_D.attempts + 1,
            error=error,
            leased_until=None,
            due_at=now + wait(letter.attempts),
            dead_at=now if given_up else None,
        ),
        execution_options={"synchronize_session": False},
    )


def wait(failures: int) -> timedelta:
    """Until the next try: ten seconds, doubled with each failure, two hours at most."""
    return min(_LONGEST_WAIT, _FIRST_WAIT * (1 << min(failures, 20)))


def _note(webhook_id: int, told: Sequence[Told], *, now: datetime) -> None:
    """What is known of the address: it rests while nobody answers, whatever is to be told."""
    values: dict[str, Any] = {}
    failed = [one for one in told if one.error is not None]
    if any(one.error is None for one in told):
        values |= {"last_success_at": now, "failures": 0, "next_try_at": None}
    if failed:
        values |= {"last_error": (failed[-1].error or "")[:500], "last_error_at": now}
    if failed and not failed[-1].reached:
        hook = session().get_one(_W, webhook_id, populate_existing=True)
        values |= {"failures": hook.failures + 1, "next_try_at": now + wait(hook.failures)}
    if values:
        session().execute(
            sa.update(_W).where(_W.id == webhook_id).values(**values),
            execution_options={"synchronize_session": False},
        )


# Looking after it


def waiting(webhook_id: int) -> tuple[int, int]:
    """How many events are still to be told, and how many were given up."""
    dead = sa.func.count(_D.dead_at)
    row = (
        session()
        .execute(sa.select(sa.func.count(_D.id) - dead, dead).where(_D.webhook_id == webhook_id))
        .one()
    )
    return int(row[0]), int(row[1])


def page(
    webhook_id: int, *, dead: bool, cursor: str | None = None, limit: int = DEFAULT_LIMIT
) -> Page[WebhookDelivery]:
    """What is left for a webhook, or was given up, the newest first."""
    query = (
        sa.select(_D)
        .join(_D.event)
        .where(
            _D.webhook_id == webhook_id, _D.dead_at.is_not(None) if dead else _D.dead_at.is_(None)
        )
        .options(contains_eager(_D.event))
    )
    return Keyset(_D.id, {}).entities(query, ordering="-id", cursor=cursor, limit=limit)


def retry_dead(row: Webhook) -> int:
    """Try again what was given up, as if it were new; returns how many."""
    now = utcnow()
    again = session().scalars(
        sa.update(_D)
        .where(_D.webhook_id == row.id, _D.dead_at.is_not(None))
        .values(dead_at=None, due_at=now, attempts=0, created_at=now, leased_until=None)
        .returning(_D.id),
        execution_options={"synchronize_session": False},
    )
    number = len(again.all())
    _hurry(row)
    return number


def replay(row: Webhook, *, since: datetime, until: datetime) -> int:
    """Tell again what happened in a while; what is still to be told is not told twice for it.

    Refused when that is too much at once.
    """
    if since >= until:
        raise Refused("since", "must lie before until")
    liked = [
        (event_id, stream_of(kind, device_id, payload))
        for event_id, kind, device_id, payload in session().execute(
            sa.select(Event.id, Event.kind, Event.device_id, Event.payload)
            .where(Event.created_at >= since, Event.created_at < until)
            .where(~sa.exists().where(_D.webhook_id == row.id, _D.event_id == Event.id))
            .order_by(Event.id)
            .limit(_REPLAYED + 1)
        )
        if row.id in hooks.for_event(kind, device_id)
    ]
    if len(liked) > _REPLAYED:
        raise Refused("until", f"more than {_REPLAYED} events; ask for a shorter while")
    now = utcnow()
    if liked:
        session().execute(
            sa.insert(_D),
            [
                {
                    "webhook_id": row.id,
                    "event_id": event_id,
                    "stream": stream,
                    "due_at": now,
                    "created_at": now,
                    "attempts": 0,
                }
                for event_id, stream in liked
            ],
        )
    _hurry(row)
    return len(liked)


def _hurry(row: Webhook) -> None:
    row.next_try_at, row.failures = None, 0
    defer(JOB, once=JOB)
