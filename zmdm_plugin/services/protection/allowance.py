"""How many secrets one person may see within an hour, counted in the database."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.errors import TooMany
from zmdm_plugin.models import RevealAllowance
from zmdm_plugin.state import state

_HOUR = timedelta(hours=1)


def take(actor: Actor, *, now: datetime) -> None:
    """Count one more; TooMany beyond the setting. Two at once wait for each other's row."""
    most = state().settings.reveals_per_hour
    if actor.kind == "system" or not most:
        return
    count = session().scalar(_counted(actor.person.id[:128], now))
    if count is not None and count > most:
        raise TooMany(f"{most} secrets were revealed within an hour; try again later")


def _counted(actor_id: str, now: datetime) -> Any:
    row = RevealAllowance
    over = row.since <= now - _HOUR
    values = {"actor_id": actor_id, "since": now, "count": 1}
    insert: Any = sqlite.insert if session().get_bind().dialect.name == "sqlite" else None
    insert = (insert or postgresql.insert)(row).values(values)
    return insert.on_conflict_do_update(
        index_elements=[row.actor_id],
        set_={
            "count": sa.case((over, 1), else_=row.count + 1),
            "since": sa.case((over, now), else_=row.since),
        },
    ).returning(row.count)
