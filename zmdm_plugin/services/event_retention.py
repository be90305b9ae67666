"""How long events are kept, by their kinds: what matters for years, and what is soon only noise.

A kind that occurs is a thing of its own to be forgotten, so that its oldest rows are the first ones
of its index, whatever is kept of others.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.models import Event
from zmdm_plugin.services import event_log
from zmdm_plugin.state import state

MODEL = Event
_WORD = "events "
_WARNED = "credential."
_LOOKS_BACK = 35
"""Days: warnings of credentials look back a month, and would repeat what they do not see."""
_LEAST = 7
"""Days: what a webhook is still to be told must not be forgotten; it is given up after three."""


def days() -> dict[str, int]:
    """How long each kind that occurs is kept, in days; 0: for ever."""
    settings = state().settings
    by_kind = dict(settings.keep_events_by_kind)
    return {
        _WORD + kind: days_of(kind, by_kind, settings.keep_events_days)
        for kind in event_log.kinds()
    }


def days_of(kind: str, by_kind: Mapping[str, int], otherwise: int) -> int:
    """The longest beginning that the kind has counts, else what holds for all others."""
    fitting = [begin for begin in by_kind if kind.startswith(begin)]
    number = by_kind[max(fitting, key=len)] if fitting else otherwise
    least = _LEAST if fitting and not kind.startswith(_WARNED) else _LOOKS_BACK
    return number and max(number, least)


def counted_as(name: str) -> str:
    """What a run's result calls it: all kinds of events are one number."""
    return "events" if name.startswith(_WORD) else name


def oldest(name: str, until: datetime, *, limit: int) -> sa.Select[Any]:
    """Ids of the oldest of a kind, as far as they are too old: the first rows of its index."""
    kind = name.removeprefix(_WORD)
    first = sa.select(Event.id, Event.created_at).where(Event.kind == kind)
    some = first.order_by(Event.id).limit(limit).subquery()
    return sa.select(some.c.id).where(some.c.created_at < until).order_by(some.c.id)


def count(name: str, until: datetime) -> sa.Select[Any]:
    """How many of a kind are too old."""
    kind = name.removeprefix(_WORD)
    return sa.select(sa.func.count()).where(Event.kind == kind, Event.created_at < until)
