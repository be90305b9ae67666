"""Telling of an alert: an event, which webhooks take, and a mail that waits in an outbox.

Both are written in the transaction of the change. A mail is claimed by a committed lease, sent
without any lock, and kept with how it went; a killed sender's is sent again by the next, with the
same Message-ID. Of one alert, only the newest news waits: what has not got out is replaced by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import contains_eager

from zmdm_plugin.db import session
from zmdm_plugin.models import Alert, AlertNotice
from zmdm_plugin.services import events
from zmdm_plugin.services.alerts import kinds
from zmdm_plugin.state import state

BATCH = 20
LEASE = timedelta(minutes=5)
"""Longer than a batch takes."""
GIVE_UP_AFTER = timedelta(days=3)
_FIRST_WAIT, _LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)
_EVENTS = {"opened": "alert.opened", "worse": "alert.worse", "again": "alert.again"}
_N = AlertNotice


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One mail, ready to be written without the database."""

    id: int
    uid: str
    alert_id: int
    alert_uid: str
    kind: str
    name: str
    what: str
    severity: str
    facts: dict[str, Any]
    opened_at: datetime
    at: datetime
    attempts: int


def tell(alert: Alert, what: str, *, now: datetime) -> None:
    """It has begun (`opened`), got `worse`, or is there `again` after a snooze."""
    says = kinds.says(alert.kind, alert.facts)
    do = kinds.do(alert.kind, alert.facts)
    events.record(_EVENTS[what], **_about(alert), says=says, do=do)
    if _mailed(alert):
        _drop_waiting(alert, now)
        _write(alert, what, now)


def cleared(alert: Alert, *, now: datetime) -> None:
    """It is over: whoever was told of it is told of that, and nobody else."""
    events.record("alert.cleared", **_about(alert))
    if not _mailed(alert):
        return
    _drop_waiting(alert, now)
    told = sa.select(_N.id).where(_N.alert_id == alert.id).limit(1)
    if session().scalar(told) is not None:
        _write(alert, "cleared", now)


def _about(alert: Alert) -> dict[str, Any]:
    return {
        "alert": alert.id,
        "condition": alert.kind,
        "subject": alert.name or None,
        "severity": alert.severity,
        "title": kinds.of(alert.kind).title,
        "url": url(alert.id),
    }


def url(alert_id: int) -> str:
    """Its page, as people outside reach it."""
    settings = state().settings
    return f"{settings.base_url}{settings.admin_url}/alerts/{alert_id}/"


def _mailed(alert: Alert) -> bool:
    return bool(state().settings.smtp_host) and kinds.of(alert.kind).by_mail


def _drop_waiting(alert: Alert, now: datetime) -> None:
    """What is being sent just now stays: its mail may have left already."""
    session().execute(
        sa.delete(_N).where(
            _N.alert_id == alert.id,
            _N.sent_at.is_(None),
            sa.or_(_N.leased_until.is_(None), _N.leased_until <= now),
        ),
        execution_options={"synchronize_session": False},
    )


def _write(alert: Alert, what: str, now: datetime) -> None:
    row = _N(
        alert_id=alert.id,
        what=what,
        severity=alert.severity,
        facts=alert.facts,
        due_at=now,
        created_at=now,
    )
    session().add(row)
    session().flush()


def claim(*, now: datetime) -> list[Letter]:
    """Claim what is due, the oldest first; commit before sending."""
    due = (
        sa.select(_N.id)
        .where(
            _N.sent_at.is_(None),
            _N.dead_at.is_(None),
            _N.due_at <= now,
            sa.or_(_N.leased_until.is_(None), _N.leased_until <= now),
        )
        .order_by(_N.due_at, _N.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    claimed = session().scalars(
        sa.update(_N)
        .where(_N.id.in_(sa.select(due.c.id)))
        .values(leased_until=now + LEASE, attempts=_N.attempts + 1)
        .returning(_N.id),
        execution_options={"synchronize_session": False},
    )
    rows = session().scalars(
        sa.select(_N)
        .join(_N.alert)
        .where(_N.id.in_(claimed.all()))
        .options(contains_eager(_N.alert))
        .order_by(_N.id),
        execution_options={"populate_existing": True},
    )
    return [_letter(row) for row in rows]


def _letter(row: AlertNotice) -> Letter:
    alert = row.alert
    return Letter(
        id=row.id,
        uid=row.uid,
        alert_id=alert.id,
        alert_uid=alert.uid,
        kind=alert.kind,
        name=alert.name,
        what=row.what,
        severity=row.severity,
        facts=row.facts,
        opened_at=alert.opened_at,
        at=row.created_at,
        attempts=row.attempts,
    )


def sent(letter: Letter, *, now: datetime, refused: str | None = None) -> None:
    """It was taken; `refused`: not by everybody."""
    _update([letter.id], sent_at=now, leased_until=None, error=refused)


def put_off(letter: Letter, error: str, *, now: datetime) -> None:
    """It was not: tried again after a growing wait, and given up after three days.

    Where there is newer news meanwhile, that counts instead.
    """
    if _has_newer(letter):
        _forget(letter)
        return
    wait = min(_LONGEST_WAIT, _FIRST_WAIT * (1 << min(letter.attempts - 1, 10)))
    given_up = now - letter.at >= GIVE_UP_AFTER
    _update(
        [letter.id],
        error=error[:500],
        leased_until=None,
        due_at=now + wait,
        dead_at=now if given_up else None,
    )


def _has_newer(letter: Letter) -> bool:
    newer = sa.select(_N.id).where(_N.alert_id == letter.alert_id, _N.id > letter.id).limit(1)
    return session().scalar(newer) is not None


def _forget(letter: Letter) -> None:
    """And if nothing was ever told, that it is over is no news either."""
    mine = _N.alert_id == letter.alert_id
    session().execute(sa.delete(_N).where(_N.id == letter.id))
    told = sa.select(_N.id).where(mine, _N.sent_at.is_not(None)).limit(1)
    if session().scalar(told) is None:
        session().execute(
            sa.delete(_N).where(mine, _N.what == "cleared", _N.leased_until.is_(None)),
            execution_options={"synchronize_session": False},
        )


def give_back(letters: Sequence[Letter]) -> None:
    """What was claimed and not even tried."""
    _update([one.id for one in letters], leased_until=None, attempts=_N.attempts - 1)


def try_again(*, now: datetime) -> int:
    """Send at once what waits or was given up; returns how many."""
    again = session().scalars(
        sa.update(_N)
        .where(_N.sent_at.is_(None), _N.error.is_not(None))
        .values(dead_at=None, due_at=now, created_at=now, attempts=0)
        .returning(_N.id),
        execution_options={"synchronize_session": False},
    )
    return len(again.all())


def of(alert: Alert) -> Sequence[AlertNotice]:
    """The mails about an alert, the oldest first."""
    query = sa.select(_N).where(_N.alert_id == alert.id).order_by(_N.id).limit(100)
    return session().scalars(query).all()


@dataclass(frozen=True, slots=True)
class Outbox:
    """How mails get out."""

    waiting: int
    given_up: int
    error: str | None
    """Of the one that has waited longest."""
    sent_at: datetime | None


def outbox() -> Outbox:
    """A few numbers for the page of alerts."""
    waits = sa.and_(_N.sent_at.is_(None), _N.dead_at.is_(None))
    failing = sa.select(_N.error).where(_N.sent_at.is_(None), _N.error.is_not(None))
    row = (
        session()
        .execute(
            sa.select(
                sa.func.count(sa.case((waits, 1))),
                sa.func.count(_N.dead_at),
                failing.order_by(_N.id.desc()).limit(1).scalar_subquery(),
                sa.func.max(_N.sent_at),
            )
        )
        .one()
    )
    return Outbox(int(row[0]), int(row[1]), row[2], row[3])


def _update(ids: Sequence[int], **values: Any) -> None:
    session().execute(
        sa.update(_N).where(_N.id.in_(ids)).values(**values),
        execution_options={"synchronize_session": False},
    )
