"""Credentials that will stop working unless somebody renews them, and who is told in time.

A warning is due 30, 14, 7 and 1 days ahead and at the end, of a server token 60 days ahead too: an
event, and a signal for the host, once each. What was said is read from the events, so that a
restart repeats nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from zmdm_plugin import signals
from zmdm_plugin.db import after_commit, session
from zmdm_plugin.models import (
    CertificateAuthority,
    DepVirtualServer,
    Event,
    Location,
    PushCertificate,
)
from zmdm_plugin.protocol import pem, x509
from zmdm_plugin.services import events, notify
from zmdm_plugin.services.push_certificates import WARNINGS
from zmdm_plugin.state import state

EVENT = "credential.expires"
_SETTINGS = {
    "SCEP issuer": "scep_ca_fullchain",
    "Profile signing certificate": "profile_signing_certificate",
    "Vendor certificate": "vendor_certificate",
}
"""What it is -> the setting that holds it."""
_OVER = timedelta(days=30)
"""What has ended so long ago is not looked at any more."""
_MOST_EVENTS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiring:
    """Something that will stop working unless somebody renews it."""

    kind: str
    name: str
    ends: datetime
    id: int | None = None
    """Of the row that holds it, if one does."""
    setting: str = ""
    """The key of the host's configuration that holds it, if one does."""
    warnings: tuple[int, ...] = WARNINGS
    """Days before the end at which a warning begins, ascending."""

    def is_near(self, *, now: datetime) -> bool:
        """Whether the first warning is due."""
        return self.ends < now + timedelta(days=self.warnings[-1])


def near(*, now: datetime) -> list[Expiring]:
    """Credentials whose end is to be warned of by now, the first to end first."""
    return sorted((one for one in every() if one.is_near(now=now)), key=lambda one: one.ends)


def every() -> list[Expiring]:
    """All credentials that end at some time, near or far."""
    return [*_of_rows(), *of_settings()]


def warn(*, now: datetime) -> int:
    """Say what has come so near that it is to be said again; returns how many."""
    due = [(one, _step(one, now)) for one in near(now=now) if one.ends > now - _OVER]
    if not due:
        return 0
    newest = sa.select(Event.payload).where(Event.kind == EVENT).order_by(Event.id.desc())
    said = {_key(payload) for payload in session().scalars(newest.limit(_MOST_EVENTS))}
    new = [(one, days) for one, days in due if _key(_payload(one, days)) not in said]
    for one, days in new:
        events.record(EVENT, **_payload(one, days))
        after_commit(
            lambda one=one, days=days: notify.send(  # type: ignore[misc]
                signals.credential_expires, kind=one.kind, name=one.name, ends=one.ends, days=days
            )
        )
    return len(new)


def _of_rows() -> Iterator[Expiring]:
    issuing = sa.select(
        CertificateAuthority.id, CertificateAuthority.name, CertificateAuthority.not_after
    ).where(CertificateAuthority.issuing.is_(True))
    push = sa.select(PushCertificate.id, PushCertificate.name, PushCertificate.not_after).where(
        PushCertificate.not_after.is_not(None)
    )
    tokens = sa.select(
        DepVirtualServer.id, DepVirtualServer.name, DepVirtualServer.access_token_expiry
    ).where(DepVirtualServer.access_token_expiry.is_not(None))
    contents = sa.select(Location.id, Location.name, Location.server_token_expiration_date)
    rows: tuple[tuple[str, Any, tuple[int, ...]], ...] = (
        ("Push certificate", push, WARNINGS),
        ("CA", issuing, WARNINGS),
        ("Server token", tokens, (*WARNINGS, 60)),
        ("Content token", contents, (*WARNINGS, 60)),
    )
    for kind, query, warnings in rows:
        for row_id, name, ends in session().execute(query):
            yield Expiring(kind=kind, name=name, ends=ends, id=row_id, warnings=warnings)


def of_settings() -> tuple[Expiring, ...]:
    """Certificates that settings hold; they do not change while the process lives."""
    kept: tuple[Expiring, ...] | None = state().cache.get("expiries")
    if kept is None:
        kept = state().cache["expiries"] = tuple(_read_settings())
    return kept


def _read_settings() -> Iterator[Expiring]:
    for kind, setting in _SETTINGS.items():
        if not (text := getattr(state().settings, setting)):
            continue
        ders = pem.certificates(text.encode())
        for der in ders if setting == "scep_ca_fullchain" else ders[:1]:
            facts = x509.facts(der)
            name = facts.subject_part("CN") or facts.fingerprint[:16]
            key = f"ZMDM_{setting.upper()}"
            yield Expiring(kind=kind, name=name, ends=facts.not_after, setting=key)


def _step(one: Expiring, now: datetime) -> int:
    """Days of the warning that was reached, 0 once it has ended."""
    left = one.ends - now
    if left <= timedelta(0):
        return 0
    return next(days for days in one.warnings if left <= timedelta(days=days))


def _payload(one: Expiring, days: int) -> dict[str, Any]:
    ends = one.ends.astimezone(UTC).isoformat()
    return {"credential": one.kind, "name": one.name, "ends": ends, "days": days}


def _key(payload: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(payload.get(name) for name in ("credential", "name", "ends", "days"))
