"""Which identities: the conditions that lists of identities and of devices share."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.errors import Refused
from zmdm_plugin.models import Identity
from zmdm_plugin.services.renewal_due import UNDER_WAY

_I = Identity
_STEPS = (*UNDER_WAY, "done", "cancelled")
RENEWALS = ("overdue", "under_way", *_STEPS, "not_begun")
"""What may be asked of a renewal; `overdue`: half of the time for it has passed."""
STATES = ("in_use", "expired", "pending", "replaced", "retired")
"""`expired`: in use, but its time has passed; `replaced`: works until its grace is over."""


def in_state(state: str, *, now: datetime) -> list[sa.ColumnElement[bool]]:
    """Conditions for one of STATES."""
    active = _I.state == "active"
    found: dict[str, list[sa.ColumnElement[bool]]] = {
        "in_use": [active, _I.retire_at.is_(None)],
        "expired": [active, _I.retire_at.is_(None), _I.not_after <= now],
        "replaced": [active, _I.retire_at.is_not(None)],
        "pending": [_I.state == "pending"],
        "retired": [_I.state == "retired"],
    }
    if state not in found:
        raise Refused("state", f"must be one of {', '.join(STATES)}")
    return found[state]


def renewal_is(name: str) -> list[sa.ColumnElement[bool]]:
    """Conditions for one of RENEWALS."""
    if name == "overdue":
        return [_I.renewal_overdue_at.is_not(None), _still_to_do()]
    if name == "under_way":
        return [_I.renewal_state.in_(UNDER_WAY)]
    if name == "not_begun":
        return [_I.renewal_state.is_(None)]
    if name in _STEPS:
        return [_I.renewal_state == name]
    raise Refused("renewal", f"must be one of {', '.join(RENEWALS)}")


def devices_with(
    *, ends_before: datetime | None, renewal: str | None
) -> sa.Select[*tuple[Any, ...]] | None:
    """The ids of devices whose identity in use is like that; None if nothing is asked."""
    if ends_before is None and renewal is None:
        return None
    asked = sa.select(_I.device_id).where(_I.state == "active", _I.retire_at.is_(None))
    if ends_before is not None:
        asked = asked.where(_I.not_after < ends_before)
    return asked.where(*renewal_is(renewal)) if renewal is not None else asked


def _still_to_do() -> sa.ColumnElement[bool]:
    return sa.or_(_I.renewal_state.is_(None), _I.renewal_state.not_in(("done", "cancelled")))
