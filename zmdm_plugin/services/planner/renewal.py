"""Identities never lapse: a new one is ordered well before the end of the present one."""

from __future__ import annotations

from zmdm_plugin.services import renewal_due
from zmdm_plugin.services.planner.values import Order, Plan, Situation

NAME = "RenewIdentity"


def plan(situation: Situation) -> Plan:
    """One order at a time; one that waits or was put off is woken for by what woke it first."""
    held = situation.identity
    if not situation.device_channel or held is None or NAME in situation.outstanding:
        return Plan()
    due = renewal_due.due_at(held, situation.renew_before)
    if due > situation.now:
        return Plan(next_at=due)
    return Plan((Order(NAME),), situation.now + renewal_due.wait(held, situation.now))
