"""Sessions as a small state machine: a wrong step is refused with a reason, which is kept.

ota       described -> profiled -> authenticated -> completed
manual                 profiled -> authenticated -> completed
renewal                profiled -> authenticated -> completed
return                 profiled -> authenticated -> completed (Return to Service)
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal, NoReturn

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import EnrollmentRefused
from zmdm_plugin.models import Enrollment, EnrollmentSession, IssuedCertificate
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import events, vault
from zmdm_plugin.services.secret_text import hashed as hashed
from zmdm_plugin.services.secret_text import new_secret as new_secret

Slot = Literal["ota", "mdm"]

OPEN = frozenset({"described", "profiled"})
LIFETIME = timedelta(days=1)
_STEPS = {
    "described": frozenset({"described", "profiled"}),
    "profiled": frozenset({"profiled", "authenticated"}),
    "authenticated": frozenset({"authenticated", "completed"}),
}


def start(enrollment: Enrollment, kind: str, state: str, **known: Any) -> EnrollmentSession:
    """Open a session; `known` is what is proven of the device (serial_number, udid …)."""
    row = EnrollmentSession(
        enrollment_id=enrollment.id,
        kind=kind,
        state=state,
        expires_at=utcnow() + LIFETIME,
        **known,
    )
    row.enrollment = enrollment
    session().add(row)
    session().flush()
    return row


def advance(row: EnrollmentSession, to: str) -> None:
    """Take the session a step further; a step that does not follow is refused."""
    check_open(row)
    if to not in _STEPS.get(row.state, frozenset()):
        refuse(row, f"the session is {row.state}, which cannot become {to}")
    row.state = to


def check_open(row: EnrollmentSession) -> None:
    """Refuse a session that is over, too old, or of a revoked enrollment."""
    if row.state not in _STEPS:
        refuse(row, f"the session is {row.state}")
    if row.expires_at is not None and row.expires_at < utcnow() and row.state in OPEN:
        refuse(row, "the session has expired; begin the enrollment again")
    if row.kind != "renewal" and row.enrollment.revoked_at is not None:
        refuse(row, "the enrollment was revoked")


def check_person(row: EnrollmentSession) -> None:
    """Refuse a session that went around a sign-in that its enrollment demands."""
    if row.enrollment.realm_required and row.realm_user_id is None and row.kind != "renewal":
        refuse(row, "this enrollment demands a sign-in, and nobody signed in")


def refuse(row: EnrollmentSession, why: str) -> NoReturn:
    """Raise EnrollmentRefused; the reason is kept on the session after the rollback."""
    ident = row.id

    def trace() -> None:
        kept = session().get(EnrollmentSession, ident)
        if kept is not None:
            kept.failure, kept.failed_at = why[:500], utcnow()
            events.record("enrollment.refused", enrollment_session=kept, why=why)

    raise EnrollmentRefused(why, trace=trace)


def challenge(row: EnrollmentSession, slot: Slot) -> str:
    """The session's one-time SCEP challenge; a used one is replaced by a new one."""
    kept = vault.unseal(row, f"{slot}_challenge")
    if kept is not None and not _used(row, kept.decode()):
        return kept.decode()
    fresh = new_secret()
    vault.seal(row, f"{slot}_challenge", fresh.encode())
    setattr(row, f"{slot}_challenge_hash", hashed(fresh))
    session().flush()
    return fresh


def _used(row: EnrollmentSession, value: str) -> bool:
    found = session().scalar(
        sa.select(IssuedCertificate.id).where(
            IssuedCertificate.session_id == row.id,
            IssuedCertificate.challenge_hash == hashed(value),
        )
    )
    return found is not None
