"""Declarations: a device whose list has changed is told to synchronize, until it fetches it."""

from __future__ import annotations

from datetime import datetime, timedelta

from zmdm_plugin.services.declarations.values import Declared
from zmdm_plugin.services.planner.values import Order, Plan, Situation, earliest

NAME = "DeclarativeManagement"
_SHORTEST = timedelta(minutes=15)
_LONGEST = timedelta(days=1)


def plan(situation: Situation) -> Plan:
    """One order for each list; one that was not followed is repeated after growing waits."""
    told = situation.declarations
    due = _due(told, situation)
    if due is None:
        return Plan(next_at=told.next_at)
    if due > situation.now:
        return Plan(next_at=earliest(due, told.next_at))
    return Plan((Order(NAME),), earliest(situation.now + _SHORTEST, told.next_at))


def _due(told: Declared, situation: Situation) -> datetime | None:
    """From when on the device may be told; None: not before something happens."""
    if situation.awaiting or told.token is None:
        return None
    since = told.changed_at
    if told.token == told.offered_token:
        if (since := told.unheard_since) is None:
            return None
    elif told.ordered_token != told.token:
        return situation.now
    if NAME in situation.outstanding:
        return None
    last = max((at for at in (since, told.ordered_at) if at is not None), default=situation.now)
    waited = last - (since or last)
    return last + min(max(waited, _SHORTEST), _LONGEST)
