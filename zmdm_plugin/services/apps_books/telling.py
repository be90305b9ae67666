"""Devices whose licence has arrived are planned anew and woken.

A row says that its device was not told yet, until it was: a worker that dies in between leaves
nobody waiting. Channels are locked before licences, as in a conversation.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import Channel, Device, Licence
from zmdm_plugin.services import wake
from zmdm_plugin.services.apps_books import serials

_L = Licence
_QUIET = {"synchronize_session": False}
_ARRIVED = (_L.untold, _L.held)


def tell(*, now: datetime, limit: int = wake.CHUNK) -> int:
    """Wake the devices of some licences that have arrived; returns how many licences."""
    query = sa.select(_L.id, _L.serial_number).where(*_ARRIVED).order_by(_L.id).limit(limit)
    rows = session().execute(query).all()
    if not rows:
        return 0
    numbers = sorted({number for _, number in rows})
    devices = sa.select(Device.id).where(
        serials.among(Device.serial_number, numbers), Device.checkout_at.is_(None)
    )
    wake.plan_due(Channel.device_id.in_(devices), now=now)
    session().execute(
        sa.update(_L)
        .where(_L.id.in_(sa.select(serials.numbered(row_id for row_id, _ in rows))), *_ARRIVED)
        .values(untold=False),
        execution_options=_QUIET,
    )
    return len(rows)


def is_due() -> bool:
    """Whether a device waits to hear of its licence."""
    return session().scalar(sa.select(_L.id).where(*_ARRIVED).limit(1)) is not None
