"""Whether people could sign in now: asked before a device is told that they must."""

from __future__ import annotations

from datetime import timedelta

from zmdm_plugin.models import Enrollment
from zmdm_plugin.models.base import utcnow

FRESH = timedelta(minutes=15)
"""How long a provider that did what it should counts as working."""


def now(enrollment: Enrollment) -> bool:
    """Whether the realm is on and was seen working a moment ago; in doubt it is not."""
    realm = enrollment.realm
    if realm is None or not realm.enabled or realm.succeeded_at is None:
        return False
    failed_since = realm.failed_at is not None and realm.failed_at >= realm.succeeded_at
    return not failed_since and realm.succeeded_at > utcnow() - FRESH
