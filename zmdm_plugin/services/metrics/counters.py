"""What only counts up: events by kind, finished commands by state, pushes by Apple's answer.

Rows are counted once, in chunks along their id, by a job of the scheduler; what is newer is added
when somebody asks. So a scrape looks at seconds of events, not at years, every process says the
same, and what is forgotten stays counted.
"""

from __future__ import annotations

from collections import Counter as Sums
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from zmdm_plugin.db import insert, session
from zmdm_plugin.models import Counter, Event

EVENTS: Final = "events"
COMMANDS: Final = "commands"
PUSHES: Final = "pushes"
_PLACE: Final = "counted"
"""The name of the row whose value is the last event that was counted."""
CHUNK = 20_000
_SETTLED = timedelta(minutes=2)
"""Events are numbered before they are committed: after this, none comes in between."""
_FINISHED = ("command.answered", "command.lost")

Labelled = Mapping[str, int]


def add(name: str, more: Labelled) -> None:
    """Count something in the transaction of the fact."""
    rows = [
        {"name": name, "label": label[:64], "value": number}
        for label, number in sorted(more.items())
        if number
    ]
    if rows:
        made = insert(Counter).values(rows)
        kept = made.on_conflict_do_update(
            index_elements=[Counter.name, Counter.label],
            set_={"value": Counter.value + made.excluded.value},
        )
        session().execute(kept, execution_options={"synchronize_session": False})


def count(*, now: datetime) -> bool:
    """Count one chunk of events; True if there may be more."""
    place = _place(lock=True)
    last = session().scalar(
        sa.select(sa.func.max(Event.id)).where(
            Event.id.in_(
                sa.select(Event.id)
                .where(Event.id > place, Event.created_at < now - _SETTLED)
                .order_by(Event.id)
                .limit(CHUNK)
            )
        )
    )
    if last is None:
        return False
    for name, labels in _between(place, last).items():
        add(name, labels)
    add(_PLACE, {EVENTS: last - place})
    return last - place >= CHUNK


def read() -> Mapping[str, Labelled]:
    """Everything that was ever counted, up to now: name -> label -> how often."""
    query = sa.select(Counter.name, Counter.label, Counter.value)
    rows = session().execute(query.where(Counter.name.in_([EVENTS, COMMANDS, PUSHES, _PLACE])))
    values: dict[str, Sums[str]] = {EVENTS: Sums(), COMMANDS: Sums(), PUSHES: Sums()}
    place = 0
    for name, label, value in rows:
        if name == _PLACE:
            place = value
        else:
            values[name][label] += value
    for name, labels in _between(place, None).items():
        values[name].update(labels)
    return values


def _place(*, lock: bool) -> int:
    query = sa.select(Counter.value).where(Counter.name == _PLACE)
    return session().scalar(query.with_for_update() if lock else query) or 0


def _between(after: int, last: int | None) -> dict[str, Sums[str]]:
    """Events and finished commands behind one event, up to another (None: to the newest)."""
    state: Any = sa.case(
        (Event.kind.in_(_FINISHED), Event.payload["state"].as_string()), else_=None
    ).label("state")
    query = sa.select(Event.kind, state, sa.func.count()).where(Event.id > after)
    if last is not None:
        query = query.where(Event.id <= last)
    found: dict[str, Sums[str]] = {EVENTS: Sums(), COMMANDS: Sums()}
    for kind, ended, number in session().execute(query.group_by(sa.text("1"), sa.text("2"))):
        found[EVENTS][kind] += number
        if ended is not None:
            found[COMMANDS][ended] += number
    return found
