"""Base inventory: what every device is asked when we do not know it, or know it too long."""

from __future__ import annotations

from datetime import datetime, timedelta

from zmdm_plugin.services.planner.values import Order, Plan, Situation, earliest

BASE = ("DeviceInformation", "SecurityInfo")
AFTER_FAILURE = timedelta(hours=4)


def plan(situation: Situation) -> Plan:
    """Order what is missing; one that failed is tried again after hours, never at once."""
    if not situation.device_channel:
        return Plan()
    asked = [Order(name) for name in BASE] + _further(situation)
    due = {
        order: _due_at(situation, order.name)
        for order in asked
        if order.name not in situation.outstanding
    }
    orders = tuple(order for order, at in due.items() if at <= situation.now)
    later = [at for at in due.values() if at > situation.now]
    again = situation.now + situation.inventory_interval if orders else None
    return Plan(orders, earliest(again, *later))


def _further(situation: Situation) -> list[Order]:
    """What the blueprint wants listed; not in Setup Assistant, where somebody is waiting."""
    if situation.awaiting:
        return []
    return [Order(name, {"managed_only": managed}) for name, managed in situation.collect]


def _due_at(situation: Situation, name: str) -> datetime:
    collected = situation.collected.get(name)
    attempted = situation.attempted.get(name)
    if collected is None:
        due = situation.now
    else:
        due = collected + situation.inventory_interval
    if attempted is not None and (collected is None or attempted > collected):
        due = max(due, attempted + AFTER_FAILURE)
    return due
