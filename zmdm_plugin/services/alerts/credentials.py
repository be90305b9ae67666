"""Credentials that end, and push certificates that Apple refuses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import PushCertificate
from zmdm_plugin.services import expiries
from zmdm_plugin.services.alerts.condition import Condition, Severity, ending
from zmdm_plugin.services.expiries import Expiring

_ENDING = {
    "Push certificate": "push_certificate.expires",
    "CA": "ca.expires",
    "Server token": "dep_token.expires",
    "Content token": "content_token.expires",
    "SCEP issuer": "issuer.expires",
    "Profile signing certificate": "signing_certificate.expires",
    "Vendor certificate": "vendor_certificate.expires",
}
"""What services/expiries.py calls it -> the kind of alert."""
KINDS = frozenset({*_ENDING.values(), "push_certificate.refused"})


def look(*, now: datetime) -> Iterator[Condition]:
    """Every credential is loaded: there are few."""
    for one in expiries.every():
        if (found := expires(one, now=now)) is not None:
            yield found
    refused = sa.select(
        PushCertificate.id, PushCertificate.name, PushCertificate.broken_reason
    ).where(PushCertificate.broken_at.is_not(None))
    for row_id, name, reason in session().execute(refused):
        yield Condition(
            kind="push_certificate.refused",
            subject=str(row_id),
            name=name,
            severity=Severity.CRITICAL,
            facts={"id": row_id, "error": reason or "no"},
        )


def expires(one: Expiring, *, now: datetime) -> Condition | None:
    """Whether its end is near."""
    about: dict[str, Any] = {} if one.id is None else {"id": one.id}
    subject = str(one.id or one.name)[:100]
    return ending(_ENDING[one.kind], one.name, one.ends, now=now, subject=subject, **about)
