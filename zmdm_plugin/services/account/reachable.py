"""Whether people could sign in now: asked before a device is told that they must."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import AccessToken, AccountSettings, Enrollment, Realm
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.realms import health, provider
from zmdm_plugin.services.realms.provider import Provider

FRESH = timedelta(minutes=15)
"""How long a provider that did what it should counts as working."""
_SOON = timedelta(hours=1)


def now(enrollment: Enrollment) -> bool:
    """Whether the realm is on and was seen working a moment ago; in doubt it is not."""
    realm = enrollment.realm
    if realm is None or not realm.enabled or realm.succeeded_at is None:
        return False
    return health.fault(realm) is None and realm.succeeded_at > utcnow() - FRESH


def wanted(*, now: datetime) -> list[int]:
    """The realms of devices whose people have to sign in again, now or soon."""
    due = sa.select(AccessToken.id).where(
        AccessToken.enrollment_id == Enrollment.id,
        AccessToken.session_id.is_not(None),
        AccessToken.expires_at <= now + _SOON,
    )
    found = session().scalars(
        sa.select(Realm.id)
        .join(Enrollment, Enrollment.realm_id == Realm.id)
        .join(AccountSettings, AccountSettings.enrollment_id == Enrollment.id)
        .where(
            AccountSettings.reauthenticate_days.is_not(None),
            Enrollment.revoked_at.is_(None),
            Realm.enabled.is_(True),
            due.exists(),
        )
        .distinct()
        .order_by(Realm.id)
    )
    return list(found)


def asked(realm_id: int) -> Provider | None:
    """The realm as its backend sees it; None if it is gone or switched off."""
    realm = session().get(Realm, realm_id)
    return provider.of(realm) if realm is not None and realm.enabled else None


def note(realm_id: int, why: str | None, *, now: datetime) -> None:
    """What the trial came to; `why` it failed, in words."""
    realm = session().get(Realm, realm_id)
    if realm is None:
        return
    if why is None:
        health.worked(realm, now=now)
    else:
        health.failed(realm, why, now=now)
