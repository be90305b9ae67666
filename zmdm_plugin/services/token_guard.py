"""Refused tokens: written to the audit, as long as nobody floods it.

A good token is let in whatever else comes from its address, for many programs share one. The limit
keeps a script that hammers with a revoked token, or somebody who guesses, from filling the audit.
The count is asked from the audit itself: the same for every process, and nothing to lose.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.errors import TooMany
from zmdm_plugin.models import AuditEntry
from zmdm_plugin.origin import origin
from zmdm_plugin.services import audit, tokens

ACTION = "token.refused"
PER_ADDRESS, IN_ALL = 20, 500
"""Entries per minute; beyond them the answer is 429."""
_MINUTE = timedelta(minutes=1)
UNKNOWN = Actor(id="unknown", label="unknown", kind="token")


def write_down(refused: tokens.TokenRefused, *, now: datetime) -> None:
    """Add an entry to the open transaction; TooMany instead of the next one beyond the limit."""
    from_here, in_all = _lately(now)
    if from_here >= PER_ADDRESS or in_all >= IN_ALL:
        raise TooMany("too many refused tokens; try again in a minute")
    row = refused.token
    actor = tokens.actor_of(row) if row is not None else UNKNOWN
    audit.record(actor, ACTION, row, reason=str(refused))


def _lately(now: datetime) -> tuple[int, int]:
    """How many were refused within a minute: from this address, and from anywhere."""
    address = origin().source_ip
    here = AuditEntry.source_ip == address if address else AuditEntry.source_ip.is_(None)
    query = sa.select(sa.func.count(sa.case((here, 1))), sa.func.count()).where(
        AuditEntry.action == ACTION, AuditEntry.created_at > now - _MINUTE
    )
    from_here, in_all = session().execute(query).one()
    return from_here, in_all
