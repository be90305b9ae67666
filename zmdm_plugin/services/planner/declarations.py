"""Declarations: a device whose list has changed is told to synchronize, until it fetches it."""

from __future__ import annotations

from datetime import timedelta

from zmdm_plugin.services.declarations.values import Declared
from zmdm_plugin.services.planner.values import Order, Plan, Situation, earliest

NAME = "DeclarativeManagement"
_SHORTEST = timedelta(minutes=15)
_LONGEST = timedelta(days=1)


def plan(situation: Situation) -> Plan:
    """One order for each list; one that was not followed is repeated after growing waits."""
    told = situation.declarations
    if situation.awaiting or told.token is None or told.token == told.offered_token:
        return Plan(next_at=told.next_at)
    due = situation.now
    if told.ordered_token == told.token and told.ordered_at is not None:
        if NAME in situation.outstanding:
            return Plan(next_at=told.next_at)
        due = told.ordered_at + _wait(told)
    if due > situation.now:
        return Plan(next_at=earliest(due, told.next_at))
    return Plan((Order(NAME),), earliest(situation.now + _SHORTEST, told.next_at))


def _wait(told: Declared) -> timedelta:
    """As long as it has waited already, so that each wait is twice the last."""
    if told.ordered_at is None or told.changed_at is None:
        return _SHORTEST
    return min(max(told.ordered_at - told.changed_at, _SHORTEST), _LONGEST)
