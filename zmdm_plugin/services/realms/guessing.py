"""Wrong passwords are limited: per account and address, per account, and per address.

An attempt is written down before the password is tried, so that many at once do not slip through;
a right password takes the account's attempts from this address away again.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import ZmdmError
from zmdm_plugin.models import SignInAttempt
from zmdm_plugin.origin import origin

WINDOW = timedelta(minutes=15)
FROM_HERE, PER_ACCOUNT, PER_ADDRESS = 10, 50, 200
"""Attempts within the window. A school enrolls from one address, and somebody who guesses from
elsewhere shall not lock a person out at once."""


class TooManyAttempts(ZmdmError):
    """Refused before the password was looked at."""

    status = 400


def note(realm_id: int, username: str, *, now: datetime) -> int:
    """Write one attempt down; TooManyAttempts beyond a limit. The caller commits it first."""
    account, address = account_hash(username), origin().source_ip
    from_here, for_account, for_address = _lately(realm_id, account, address, now)
    if from_here >= FROM_HERE or for_account >= PER_ACCOUNT or for_address >= PER_ADDRESS:
        raise TooManyAttempts("too many wrong passwords; wait a quarter of an hour and try again")
    attempt = SignInAttempt(realm_id=realm_id, account_hash=account, address=address)
    session().add(attempt)
    session().flush()
    return attempt.id


def withdraw(attempt_id: int) -> None:
    """Nobody looked at the password."""
    session().execute(
        sa.delete(SignInAttempt).where(SignInAttempt.id == attempt_id),
        execution_options={"synchronize_session": False},
    )


def forgive(realm_id: int, username: str) -> None:
    """The password was right."""
    session().execute(
        sa.delete(SignInAttempt).where(
            SignInAttempt.realm_id == realm_id,
            SignInAttempt.account_hash == account_hash(username),
            _from(origin().source_ip),
        ),
        execution_options={"synchronize_session": False},
    )


def account_hash(username: str) -> str:
    """What a username is counted by: directories seldom tell upper from lower case."""
    folded = username.strip().casefold().encode("utf-8", "surrogatepass")
    return hashlib.sha256(folded).hexdigest()


def _lately(
    realm_id: int, account: str, address: str | None, now: datetime
) -> tuple[int, int, int]:
    here = _from(address)
    recent = SignInAttempt.created_at > now - WINDOW
    of_account = sa.and_(
        SignInAttempt.realm_id == realm_id, SignInAttempt.account_hash == account, recent
    )
    counted = sa.select(sa.func.count(sa.case((here, 1))), sa.func.count()).where(of_account)
    from_here, for_account = session().execute(counted).one()
    for_address = session().scalar(sa.select(sa.func.count(SignInAttempt.id)).where(here, recent))
    return from_here, for_account, for_address or 0


def _from(address: str | None) -> sa.ColumnElement[bool]:
    if address is None:
        return SignInAttempt.address.is_(None)
    return SignInAttempt.address == address
