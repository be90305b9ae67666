"""A sign-in under way: begun by an enrollment, bound to a browser, finished once.

    url = begin(realm, purpose="ota", then="/public/mdm/ota/…/signed_in/", data={…})
    # the browser goes there, the person signs in, and it comes to `then?sign_in=<handle>`
    finished = finish(handle, purpose="ota")     # finished.realm_user, finished.data

A sign-in has three secrets, each 256 random bits of which the hash is kept: the ticket in the
address of its page, the cookie of the one browser that opened it, and the handle, which exists
only once somebody has signed in and reaches no other browser.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import Refused, Traced
from zmdm_plugin.models import Realm, RealmUser, SignIn
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.origin import origin
from zmdm_plugin.services import events, vault
from zmdm_plugin.services.realms import people
from zmdm_plugin.services.realms.provider import Known
from zmdm_plugin.services.secret_text import hashed, new_secret
from zmdm_plugin.state import state

PATH = "/public/mdm/sign_in"
LIFETIME = timedelta(minutes=30)
"""To find the password, and the second factor."""
HANDLE_HOLDS = timedelta(minutes=10)
MOST_UNFINISHED = 2000
"""Of one realm: more people than sign in at once, and few enough rows for any stranger to make."""
MOST_OF_ADDRESS = 500
"""Of one realm from one network address: a school stands behind one, and so does a stranger."""
_THEN = re.compile(r"/public/mdm/(?!sign_in/)(?:[A-Za-z0-9._~-]+/)+", re.ASCII)
_MOST_DATA = 64 * 1024
_AGAIN = "go back to where you began, and try again"


class SignInRefused(Traced):
    """A sign-in that cannot go on; the reason is for the person who is at it."""

    status = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What `finish` gives back."""

    realm_user: RealmUser | None
    """None only where the sign-in was optional and the person went on without."""
    data: dict[str, Any]


def begin(
    realm: Realm, *, purpose: str, then: str, data: Mapping[str, Any], optional: bool = False
) -> str:
    """The address to send the browser to; `optional` offers to go on without signing in.

    `then` is a path of ours below /public/mdm/, without a query; `data` is JSON without secrets.
    Refused for a realm that is switched off.
    """
    if not realm.enabled:
        raise Refused("realm", f"the realm {realm.name} is switched off")
    if not _THEN.fullmatch(then) or ".." in then or len(then) > 500:
        raise ValueError(f"then must be a path below /public/mdm/: {then!r}")
    if len(json.dumps(dict(data))) > _MOST_DATA:
        raise ValueError("data is too long")
    address = origin().source_ip
    _make_room(realm.id, address)
    ticket = new_secret()
    row = SignIn(
        realm_id=realm.id,
        purpose=purpose,
        then=then,
        data=dict(data),
        optional=optional,
        address=address,
        ticket_hash=hashed(ticket),
        expires_at=utcnow() + LIFETIME,
    )
    session().add(row)
    session().flush()
    return f"{state().settings.base_url}{PATH}/{ticket}/"


def _make_room(realm_id: int, address: str | None) -> None:
    """Whoever opens the link of an enrollment begins a sign-in: strangers may not fill a table.

    What nobody has finished is limited for each realm, and for each address in it. What no browser
    has opened gives way first, then the oldest: a person who is at a page keeps it in a flood.
    """
    unfinished = (SignIn.realm_id == realm_id, SignIn.handle_hash.is_(None))
    if address is not None:
        _give_way(MOST_OF_ADDRESS, *unfinished, SignIn.address == address)
    _give_way(MOST_UNFINISHED, *unfinished)


def _give_way(most: int, *which: sa.ColumnElement[bool]) -> None:
    """Delete so many of them, at most 100, that one more may be begun."""
    some = sa.select(SignIn.id).where(*which).limit(most + 99).subquery()
    surplus = (session().scalar(sa.select(sa.func.count()).select_from(some)) or 0) - most + 1
    if surplus <= 0:
        return
    first = sa.select(SignIn.id).where(*which)
    first = first.order_by(SignIn.browser_hash.is_not(None), SignIn.id).limit(surplus)
    # Another request makes room too, or a person is at one of them just now: they go first.
    session().execute(
        sa.delete(SignIn).where(SignIn.id.in_(first.with_for_update(skip_locked=True))),
        execution_options={"synchronize_session": False},
    )


def finish(handle: str, *, purpose: str) -> Finished:
    """Who signed in; once, for its purpose and in time: SignInRefused says why not, in words."""
    row = session().scalar(
        sa.select(SignIn).where(SignIn.handle_hash == hashed(handle)).with_for_update(of=SignIn)
    )
    if row is None or row.purpose != purpose:
        raise SignInRefused(f"this is no sign-in for this step; {_AGAIN}")
    if row.used_at is not None:
        raise SignInRefused(f"this sign-in has been used already; {_AGAIN}")
    if row.expires_at <= utcnow():
        raise SignInRefused(f"this sign-in is too old; {_AGAIN}")
    row.used_at = utcnow()
    session().flush()
    return Finished(realm_user=row.realm_user, data=dict(row.data))


def opened(ticket: str, browser: str, *, first: bool = False) -> SignIn:
    """The sign-in of a page, for the browser with this cookie; `first`: it may be bound now."""
    query = sa.select(SignIn).where(SignIn.ticket_hash == hashed(ticket))
    return _checked(session().scalar(query.with_for_update(of=SignIn)), browser, first=first)


def returned(provider_state: str, browser: str) -> SignIn:
    """The sign-in that a provider sent the browser back from; its state holds once."""
    query = sa.select(SignIn).where(SignIn.state_hash == hashed(provider_state))
    row = _checked(session().scalar(query.with_for_update(of=SignIn)), browser)
    row.state_hash = None
    return row


def _checked(row: SignIn | None, browser: str, *, first: bool = False) -> SignIn:
    if row is None:
        raise SignInRefused(f"there is no such sign-in; {_AGAIN}")
    if row.expires_at <= utcnow():
        raise SignInRefused(f"you took too long to sign in; {_AGAIN}")
    if row.handle_hash is not None:
        raise SignInRefused(f"somebody has signed in here already; {_AGAIN}")
    if not row.realm.enabled:
        raise SignInRefused(f"the realm {row.realm.name} was switched off meanwhile")
    if row.browser_hash is None and first:
        row.browser_hash = hashed(browser)
    if row.browser_hash is None or row.browser_hash != hashed(browser):
        raise SignInRefused(
            "this sign-in was begun in another browser, or this one keeps no cookies; "
            f"{_AGAIN}, in one browser"
        )
    return row


def again(row_id: int, browser: str) -> SignIn:
    """The same sign-in after its backend was asked, outside of a transaction."""
    query = sa.select(SignIn).where(SignIn.id == row_id)
    return _checked(session().scalar(query.with_for_update(of=SignIn)), browser)


def remember(row: SignIn, provider_state: str, flow: Mapping[str, Any]) -> None:
    """Keep what the backend needs when the provider sends the browser back; the last try counts."""
    row.state_hash = hashed(provider_state)
    vault.seal(row, "flow", json.dumps(dict(flow)).encode())
    session().flush()


def flow_of(row: SignIn) -> dict[str, Any]:
    """What `remember` kept."""
    kept = vault.unseal(row, "flow")
    found: dict[str, Any] = json.loads(kept) if kept else {}
    return found


def complete(row: SignIn, known: Known, *, now: datetime) -> str:
    """Somebody proved who they are: where the browser goes now. PersonRefused, in words."""
    person = people.take(row.realm, known, now=now)
    row.realm_user_id, row.realm_user = person.id, person
    events.record(
        "sign_in.succeeded",
        realm=row.realm.name,
        realm_user=person.id,
        username=person.username,
        purpose=row.purpose,
    )
    return _on(row, now=now)


def skip(row: SignIn, *, now: datetime) -> str:
    """The person goes on without signing in, where they may."""
    if not row.optional:
        raise SignInRefused("this step needs a sign-in")
    return _on(row, now=now)


def failed(row: SignIn, why: str, *, username: str | None = None) -> None:
    """Write down that it did not work: for the administrator, never what was typed."""
    events.record(
        "sign_in.failed",
        realm=row.realm.name,
        realm_user=_known_as(row, username),
        purpose=row.purpose,
        why=why[:500],
    )


def _known_as(row: SignIn, username: str | None) -> int | None:
    """Whose account it was, if we know it: a password typed as a username is kept nowhere."""
    if not username:
        return None
    return session().scalar(
        sa.select(RealmUser.id).where(
            RealmUser.realm_id == row.realm_id, RealmUser.username == username[:256]
        )
    )


def _on(row: SignIn, *, now: datetime) -> str:
    handle = new_secret()
    row.handle_hash, row.expires_at = hashed(handle), now + HANDLE_HOLDS
    row.state_hash = row.flow = None
    session().flush()
    return f"{state().settings.base_url}{row.then}?{urlencode({'sign_in': handle})}"
