"""Activation Lock: the bypass code is fetched while the device still tells it.

A device makes one when it becomes supervised, and forgets it after fifteen days; each enrollment
may bring another.
"""

from __future__ import annotations

from datetime import timedelta

from zmdm_plugin.services.planner.values import Order, Plan, Situation

NAME = "ActivationLockBypassCode"
_TOLD_FOR = timedelta(days=15)
_SETTLED_AFTER = timedelta(minutes=10)
"""The first conversations are left to what people wait for."""
_LOST = timedelta(hours=1)
"""An order that ended without an answer is given again after this."""


def plan(situation: Situation) -> Plan:
    """Once for each enrollment, not in Setup Assistant, where somebody is waiting."""
    lockable, now = situation.lockable, situation.now
    if lockable is None or situation.awaiting or NAME in situation.outstanding:
        return Plan()
    task, since = lockable.task, lockable.enrolled_at
    if not task.asked:
        if task.done_at is not None and task.done_at >= since:
            return Plan()
        if task.failed_at is not None and now > since + _TOLD_FOR:
            return Plan()  # it would fail for ever
    due = max(since + _SETTLED_AFTER, task.next_try_at or since)
    if due > now and not task.asked:
        return Plan(next_at=due)
    return Plan((Order(NAME),), now + _LOST)
