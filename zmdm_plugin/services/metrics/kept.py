"""Numbers that take a pass over the whole fleet: counted by a job, kept for the scrapes of minutes.

Where the job has not come by for a while (a new server, or one whose scheduler is dead) whoever
asks counts by himself, so nothing that is said is older than `GOOD_FOR`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import sqlalchemy as sa

from zmdm_plugin.db import insert, session
from zmdm_plugin.models import Counter
from zmdm_plugin.services.metrics import gauges

Labelled = Mapping[tuple[str, ...], float]
DEVICES: Final = "devices"
SEEN: Final = "devices_seen"
ARTIFACTS: Final = "artifacts"
SESSIONS: Final = "sessions"
GOOD_FOR = timedelta(minutes=3)
_NOW: Final = "now:"
"""Before the names of these rows: they are what is, while the others only count up."""
_AT: Final = "now:counted_at"
_BETWEEN: Final = "\t"


@dataclass(frozen=True, slots=True)
class Numbers:
    """Each family by its labels, and the moment they are of."""

    families: Mapping[str, Labelled]
    at: datetime


def refresh(*, now: datetime) -> None:
    """Count, and keep that in the place of what was kept."""
    rows = [
        {"name": _NOW + name, "label": _BETWEEN.join(labels)[:64], "value": int(number)}
        for name, family in sorted(_counted(now=now).items())
        for labels, number in sorted(family.items())
    ]
    rows.append({"name": _AT, "label": "", "value": int(now.timestamp())})
    session().execute(sa.delete(Counter).where(Counter.name.startswith(_NOW)))
    made = insert(Counter).values(rows)
    kept = made.on_conflict_do_update(
        index_elements=[Counter.name, Counter.label], set_={"value": made.excluded.value}
    )
    session().execute(kept, execution_options={"synchronize_session": False})


def numbers(*, now: datetime) -> Numbers:
    """What the job kept; counted here and now if that is too old."""
    families: dict[str, dict[tuple[str, ...], float]] = {
        name: {} for name in (DEVICES, SEEN, ARTIFACTS, SESSIONS)
    }
    at = None
    query = sa.select(Counter.name, Counter.label, Counter.value)
    for name, label, value in session().execute(query.where(Counter.name.startswith(_NOW))):
        if name == _AT:
            at = datetime.fromtimestamp(value, UTC)
        else:
            families[name.removeprefix(_NOW)][tuple(label.split(_BETWEEN))] = value
    if at is None or not timedelta(0) <= now - at + timedelta(seconds=1) <= GOOD_FOR:
        return Numbers(_counted(now=now), now)
    return Numbers(families, at)


def _counted(*, now: datetime) -> Mapping[str, Labelled]:
    fleet = gauges.fleet(now=now)
    return {
        DEVICES: {labels: number for labels, number in fleet.states.items()},
        SEEN: {labels: number for labels, number in fleet.seen.items()},
        ARTIFACTS: dict(gauges.artifacts()),
        SESSIONS: dict(gauges.sessions()),
    }
