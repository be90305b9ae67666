"""Setup Assistant waits for us: accounts and what is marked for it come first, then it goes on.

It waits for nothing that answered NotNow or Error, nor for declarations, and never longer than
until the limit, which is a date in the database.
"""

from __future__ import annotations

from datetime import timedelta

from zmdm_plugin.services.planner.values import Order, Plan, Situation
from zmdm_plugin.services.setup.values import ACCOUNTS, DEVICE, USER

_AGAIN = timedelta(minutes=1)
"""A release that was refused or forgotten is repeated after this."""


def plan(situation: Situation, *, ordered: bool) -> Plan:
    """`ordered`: other rules have just ordered something that is to come first."""
    setup, now = situation.setup, situation.now
    if setup is None:
        return Plan()
    release = Order(DEVICE if situation.device_channel else USER)
    if setup.makes_accounts and ACCOUNTS not in situation.attempted:
        return Plan((Order(ACCOUNTS),), now)
    if release.name in situation.outstanding:
        return Plan()
    last = situation.attempted.get(release.name)
    if last is not None and setup.since <= last and now < last + _AGAIN:
        return Plan(next_at=last + _AGAIN)
    busy = ordered or bool(situation.under_way)
    if busy and now < setup.until:
        return Plan(next_at=now)  # with the next answer, and when the limit has passed
    return Plan((release,), now + _AGAIN)
