"""What the doctor finds at locations of Apps & Books: one finding each, the worst reason first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import Location, LocationAsset
from zmdm_plugin.services.apps_books import locations
from zmdm_plugin.services.doctor.finding import Finding, State, bad, good, warn

_MOST = 200
"""Locations that one examination looks at: it takes seconds at most."""


def check(now: datetime) -> list[Finding]:
    """Tokens, owners, syncs, notifications and licences; nothing to say without a location."""
    rows = session().scalars(sa.select(Location).order_by(Location.name, Location.id).limit(_MOST))
    short = _short()
    return [_worst(row, short.get(row.id, 0), now) for row in rows]


def _worst(row: Location, short: int, now: datetime) -> Finding:
    name = f"Location {row.name}"
    found = list(_wrong(name, row, short, now))
    for state in (State.BAD, State.WARN):
        if worst := [one for one in found if one.state == state]:
            says = " ".join(one.says for one in found)
            return Finding(name, state, says, " ".join(one.do for one in worst))
    until = row.server_token_expiration_date
    return good(name, f"It is managed from here; its token holds until {until:%Y-%m-%d}.")


def _wrong(name: str, row: Location, short: int, now: datetime) -> Iterator[Finding]:
    until = row.server_token_expiration_date
    renew = "Download a new content token in Apple's portal and renew it on the location's page."
    if until <= now:
        yield bad(name, f"Its content token expired on {until:%Y-%m-%d}.", renew)
    elif until <= now + locations.EXPIRES_SOON:
        yield warn(name, f"Its content token ends on {until:%Y-%m-%d}.", renew)
    if row.deleting_at is not None:
        yield warn(name, "It is being deleted.", "See on Jobs whether it goes on.")
    if row.lost_at is not None:
        owner = (row.owner or {}).get("name") or "Another server"
        says = f"{owner} manages it since {row.lost_at:%Y-%m-%d}: nothing is assigned from here."
        yield bad(name, says, "Find out who did that; take it back on the location's page.")
    elif row.error is not None:
        do = "See the location's page; Apple is asked again every quarter of an hour."
        yield warn(name, f"Apple cannot be asked: {row.error.rstrip('.')}.", do)
    if row.notification_error is not None:
        do = "Let Apple reach ZMDM_BASE_URL by https. Until then Apple is asked, a little later."
        yield warn(name, f"Apple does not notify this server: {row.notification_error}.", do)
    if short:
        says = f"Licences are short, of {short} {'app' if short == 1 else 'apps'}."
        yield warn(name, says, "Buy more, or take some back: Store apps shows which.")


def _short() -> dict[int, int]:
    """How many apps of each location have too few licences."""
    query = (
        sa.select(LocationAsset.location_id, sa.func.count())
        .where(LocationAsset.short_at.is_not(None))
        .group_by(LocationAsset.location_id)
    )
    return {location_id: count for location_id, count in session().execute(query)}
