"""How many channels have an application that many have: a pass over all of them, made by a job.

What few have is counted when somebody asks.
"""

from __future__ import annotations

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import Application, Channel, InstalledApplication

FEW = 500
"""Up to so many are counted on the spot."""


def count() -> int:
    """Bring the numbers up to date; how many were not."""
    row = InstalledApplication
    number = sa.func.count()
    query = (
        sa.select(row.application_id, number)
        .join(Channel, Channel.id == row.channel_id)
        .where(Channel.ended_at.is_(None), row.application_id.is_not(None))
        .group_by(row.application_id)
        .having(number > FEW)
    )
    wanted = {id_: found for id_, found in session().execute(query) if id_ is not None}
    noted = sa.select(Application.id, Application.installed).where(Application.installed > 0)
    known: dict[int, int] = {id_: found for id_, found in session().execute(noted)}
    changed = [
        {"id": id_, "installed": wanted.get(id_, 0)}
        for id_ in sorted(wanted.keys() | known.keys())
        if wanted.get(id_, 0) != known.get(id_, 0)
    ]
    if changed:
        session().execute(sa.update(Application), changed)
    return len(changed)
