"""Devices that are not seen, cannot be woken, or lose their identity: counted, never walked."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

import sqlalchemy as sa

from zmdm_plugin.actors import SYSTEM
from zmdm_plugin.db import session
from zmdm_plugin.models import Device
from zmdm_plugin.services import dashboard, renewals
from zmdm_plugin.services.alerts.condition import Condition, Severity
from zmdm_plugin.services.device_filter import in_state
from zmdm_plugin.state import state

KINDS = frozenset({"devices.unreachable", "devices.push_dead", "renewals.overdue"})
_AT_LEAST = 5
"""Devices: of a handful, one in a drawer is a large share and no news."""
_CRITICAL = 50
"""Percent."""
_EASE = 0.8
"""It is over once there are so many fewer than what it begins at: no coming and going."""


def look(*, now: datetime, known: Collection[tuple[str, str]] = ()) -> Iterator[Condition]:
    """`known`: keys of the alerts that are open."""
    settings = state().settings
    percent, days = settings.alert_unreachable_percent, settings.alert_unreachable_days
    if percent:
        enrolled, silent = _seen(now - timedelta(days=days))
        is_open = ("devices.unreachable", "") in known
        if found := unreachable(enrolled, silent, percent=percent, days=days, is_open=is_open):
            yield found
    dead = dashboard.not_wakeable(SYSTEM)
    many = settings.alert_dead_tokens * (_EASE if ("devices.push_dead", "") in known else 1)
    if many and dead >= many:
        yield Condition(kind="devices.push_dead", facts={"devices": dead})
    if late := renewals.number_overdue(SYSTEM, most=dashboard.MOST):
        yield Condition(kind="renewals.overdue", facts={"devices": late})


def unreachable(
    enrolled: int, silent: int, *, percent: int, days: int, is_open: bool
) -> Condition | None:
    """Whether too large a share of the enrolled devices is silent."""
    share = 100 * silent / enrolled if enrolled else 0
    if silent < _AT_LEAST or share < percent * (_EASE if is_open else 1):
        return None
    critical = share >= max(_CRITICAL, percent)
    return Condition(
        kind="devices.unreachable",
        severity=Severity.CRITICAL if critical else Severity.WARNING,
        level=int(critical),
        facts={"enrolled": enrolled, "silent": silent, "percent": round(share), "days": days},
    )


def _seen(silent_since: datetime) -> tuple[int, int]:
    """Enrolled devices, and those of them that are silent, in one pass over an index."""
    row = session().execute(
        sa.select(
            sa.func.count(),
            sa.func.count(sa.case((Device.seen_hour < silent_since, 1))),
        )
        .select_from(Device)
        .where(in_state("enrolled"))
    )
    enrolled, silent = row.one()
    return int(enrolled), int(silent)
