"""Whether apps are there: the device is asked when it is time, by the list that knows of them."""

from __future__ import annotations

from zmdm_plugin.services.artifacts.wanted import PACKAGE, Held
from zmdm_plugin.services.planner.values import Order, Plan, Situation, earliest

MANAGED, INSTALLED = "ManagedApplicationList", "InstalledApplicationList"
CHECKS = frozenset({MANAGED, INSTALLED})
_MOST = 500


def plan(situation: Situation) -> Plan:
    """One question for all apps that are due; nothing while it is unanswered."""
    orders: list[Order] = []
    due = [held for held in _checked(situation) if _is_due(held, situation)]
    packages = sorted({name for held in due if held.kind == PACKAGE for name in held.bundles})
    if packages and INSTALLED not in situation.outstanding:
        # Of very many the whole list is asked: a part would never come to the last ones.
        named = {"identifiers": packages} if len(packages) <= _MOST else {}
        orders.append(Order(INSTALLED, named))
    if any(held.kind != PACKAGE for held in due) and MANAGED not in situation.outstanding:
        orders.append(Order(MANAGED))
    later = (held.check_at for held in _checked(situation) if not _is_due(held, situation))
    return Plan(tuple(orders), earliest(*later))


def _checked(situation: Situation) -> list[Held]:
    return [
        held
        for held in situation.held.values()
        if held.is_app and held.by_command and held.check_at is not None
    ]


def _is_due(held: Held, situation: Situation) -> bool:
    return held.check_at is not None and held.check_at <= situation.now
