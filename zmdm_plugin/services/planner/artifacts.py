"""Profiles by command: what is missing is installed, what left the scope is removed.

Everything that can go now is ordered at once, prerequisites and replacements first. What failed is
tried again with growing waits and holds up only what requires it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from zmdm_plugin.protocol.platform import version as numbers
from zmdm_plugin.services.artifacts.wanted import INSTALL, REMOVE, UNDER_WAY, Held, Wanted
from zmdm_plugin.services.planner.values import Order, Plan, Situation, earliest

_LOST = timedelta(hours=1)
"""An order that ended without an answer (cancelled, expired) is given again after this."""
_GRANULARITY = {"major": 1, "minor": 2, "patch": 3}


def plan(situation: Situation) -> Plan:
    """Installs in the order of `wanted`, then removals; and when to look again."""
    orders: list[Order] = []
    moments: list[datetime | None] = []
    for wanted in situation.wanted:
        due = _install_due(wanted, situation)
        if due is None or due > situation.now:
            moments.append(due)
        else:
            orders.append(_install(wanted))
            moments.append(situation.now + _LOST)
    for held in _leaving(situation):
        due = _remove_due(held, situation.now)
        if due > situation.now:
            moments.append(due)
        else:
            orders.append(_remove(held))
            moments.append(situation.now + _LOST)
    return Plan(tuple(orders), earliest(*moments))


def _install(wanted: Wanted) -> Order:
    args = {
        "artifact": wanted.artifact,
        "version": wanted.version,
        "identifier": wanted.identifier,
    }
    return Order(INSTALL[wanted.kind], args)


def _remove(held: Held) -> Order:
    args = {
        "artifact": held.artifact,
        "version": held.installed_version or held.tried_version,
        "identifier": held.identifier,
    }
    return Order(REMOVE[held.kind], args)


def _install_due(wanted: Wanted, situation: Situation) -> datetime | None:
    """From when on it may be ordered; None: not before something happens."""
    held = situation.held.get(wanted.artifact)
    if wanted.blocked or (wanted.key in situation.waiting and _is_ordered(wanted, held)):
        return None
    if held is not None and not held.by_command:
        return None  # a declaration holds it until the device says that it let go
    if any(_missing(needed, situation) for needed in wanted.requires):
        return None
    if held is None or held.status == "removing":
        return situation.now
    if held.installed_version is None:
        return _not_before(held, wanted, situation.now)
    if held.installed_version == wanted.version:
        if held.installed_values not in (None, wanted.values):
            return _not_before(held, wanted, situation.now)
        again = _reinstall_due(wanted, held, situation)
        return max(again, _not_before(held, wanted, situation.now)) if again else None
    return _not_before(held, wanted, situation.now) if wanted.auto_update else None


def _is_ordered(wanted: Wanted, held: Held | None) -> bool:
    """Whether what waits is this install, or somebody's own order; a newer one replaces others."""
    if held is None:
        return True
    return held.status == "pending" and held.tried_version == wanted.version


def _missing(artifact: int, situation: Situation) -> bool:
    held = situation.held.get(artifact)
    return held is None or held.installed_version is None


def _not_before(held: Held, wanted: Wanted, now: datetime) -> datetime:
    """At once for a version that was not tried; else when its wait is over."""
    if held.tried_version != wanted.version or held.tried_at is None:
        return now
    if held.next_try_at is not None:
        return held.next_try_at
    return held.tried_at + _LOST if held.status == "pending" else now


def _reinstall_due(wanted: Wanted, held: Held, situation: Situation) -> datetime | None:
    if held.installed_at is None:
        return None
    if (parts := _GRANULARITY.get(wanted.reinstall_on_os_update)) and held.installed_os:
        before, now = numbers(held.installed_os)[:parts], numbers(situation.os_version)[:parts]
        if now > before:
            return situation.now
    return held.installed_at + wanted.reinstall_interval if wanted.reinstall_interval else None


def _leaving(situation: Situation) -> list[Held]:
    """What came by command and should no longer be there; nothing goes in Setup Assistant."""
    if situation.awaiting:
        return []
    return [
        held
        for held in situation.held.values()
        if held.by_command
        and (held.installed_version is not None or _may_come(held))
        and held.removable
        and held.artifact not in situation.chosen
        and held.key not in situation.waiting
    ]


def _may_come(held: Held) -> bool:
    """An app that the device has taken: unless it is told otherwise, it will have it."""
    return held.is_app and (held.status in UNDER_WAY or held.status == "removal_failed")


def _remove_due(held: Held, now: datetime) -> datetime:
    if held.status == "removing" and held.tried_at is not None:
        return held.tried_at + _LOST
    if held.status == "removal_failed" and held.next_try_at is not None:
        return held.next_try_at
    return now
