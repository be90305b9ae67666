"""Whether a realm's provider does what it should; kept on the realm, shown with it."""

from __future__ import annotations

from datetime import datetime, timedelta

from zmdm_plugin.models import Realm

_STALE = timedelta(minutes=1)
"""A success is written this often at most: many sign in at once, and the row is shared."""


def worked(realm: Realm, *, now: datetime) -> None:
    """The provider answered as it should; a wrong password is such an answer too."""
    recovered = realm.failed_at is not None and (
        realm.succeeded_at is None or realm.succeeded_at <= realm.failed_at
    )
    if recovered or realm.succeeded_at is None or now - realm.succeeded_at > _STALE:
        realm.succeeded_at = now


def failed(realm: Realm, why: str, *, now: datetime) -> None:
    """It did not; `why` in words, without secrets."""
    realm.failed_at, realm.failure = now, why[:500]


def fault(realm: Realm) -> str | None:
    """What is wrong with it now, if anything is known to be."""
    if realm.failed_at is None:
        return None
    if realm.succeeded_at is not None and realm.succeeded_at > realm.failed_at:
        return None
    return realm.failure


def tested(realm: Realm, why: str | None, *, now: datetime) -> None:
    """A test has ended; None: it went well."""
    if why is None:
        realm.succeeded_at = now
    else:
        failed(realm, why, now=now)
