"""A lease says which process alone may do a thing; it ends by itself when that process dies.

A row with a date, for a session lock is lost behind PgBouncer and unknown to SQLite.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from zmdm_plugin.db import session
from zmdm_plugin.models import Heartbeat, Lease


def acquire(name: str, holder: str, *, now: datetime, lasts: timedelta) -> bool:
    """Take or renew the lease; False while another process holds it."""
    taken = session().execute(
        sa.update(Lease)
        .where(Lease.name == name, sa.or_(Lease.holder == holder, Lease.until <= now))
        .values(holder=holder, until=now + lasts)
        .returning(Lease.name),
        execution_options={"synchronize_session": False},
    )
    if taken.scalar() is not None:
        return True
    if session().get(Lease, name) is not None:
        return False
    try:
        with session().begin_nested():
            session().add(Lease(name=name, holder=holder, until=now + lasts))
    except IntegrityError:
        return False
    return True


def release(name: str, holder: str) -> None:
    """Give the lease back, so that the next process need not wait for its end."""
    session().execute(sa.delete(Lease).where(Lease.name == name, Lease.holder == holder))


def beat(name: str, kind: str, *, now: datetime) -> None:
    """Say that a worker or the scheduler lives."""
    row = session().get(Heartbeat, name)
    if row is None:
        session().add(Heartbeat(name=name, kind=kind, seen_at=now))
    else:
        row.seen_at = now
