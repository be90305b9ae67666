"""Identities never lapse: a new one is ordered well before the end of the present one."""

from __future__ import annotations

from datetime import timedelta

from zmdm_plugin.services.planner.values import Order, Plan, Situation

NAME = "RenewIdentity"
_AGAIN = timedelta(days=1)
_AGAIN_WHEN_EXPIRED = timedelta(minutes=15)


def plan(situation: Situation) -> Plan:
    """Due some weeks before the end, but never before two thirds of the identity's life."""
    start, end = situation.identity_not_before, situation.identity_not_after
    if not situation.device_channel or start is None or end is None:
        return Plan()
    due = end - min(situation.renew_before, (end - start) / 3)
    expired = situation.now >= end
    if (attempted := situation.attempted.get(NAME)) is not None and attempted >= due:
        due = attempted + (_AGAIN_WHEN_EXPIRED if expired else _AGAIN)
    if NAME in situation.outstanding:
        return Plan(next_at=max(due, situation.now + _AGAIN_WHEN_EXPIRED))
    if due > situation.now:
        return Plan(next_at=due)
    return Plan((Order(NAME),), situation.now + _AGAIN)
