"""The bearer of a device that is in: its certificate counts, the token only says when to ask anew.

A device is asked at the beginning of a conversation alone, for an answer is always taken; once an
hour, so that a person who does not sign in at once leaves nothing unmanaged; and never unless the
identity provider was seen working a moment ago, for nobody could sign in.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.models import AccessToken, Device, EnrollmentSession, Identity
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol import account_driven
from zmdm_plugin.services import events, identity, release
from zmdm_plugin.services.account import accounts, entrance, reachable
from zmdm_plugin.services.enrollment.sessions import hashed
from zmdm_plugin.services.identity import Evidence

ASKED_FOR = timedelta(hours=1)


def check(evidence: Evidence, authorization: str) -> None:
    """Take a new token over, or raise SignInRequired; every other bearer is passed over.

    Whose certificate is not that of an account-driven enrollment is never asked.
    """
    now = utcnow()
    row = session().scalar(
        sa.select(EnrollmentSession)
        .join(Device, Device.session_id == EnrollmentSession.id)
        .join(Identity, Identity.device_id == Device.id)
        .where(
            Identity.fingerprint == evidence.fingerprint,
            Identity.state == "active",
            sa.or_(Identity.retire_at.is_(None), Identity.retire_at > now),
            EnrollmentSession.kind == entrance.KIND,
            sa.not_(Device.dismissed),
            Device.checkout_at.is_(None),
        )
    )
    if row is None:
        return
    identity.check_voucher(evidence, row.payload)
    if (fresh := _fresh(row, authorization, now)) is not None:
        entrance.take(fresh, row, accounts.settings_of(row.enrollment))
        events.record("device.reauthenticated", device=row.device_id, enrollment_session=row)
        return
    current = session().scalar(
        sa.select(AccessToken)
        .where(AccessToken.session_id == row.id)
        .order_by(AccessToken.id.desc())
        .limit(1)
    )
    if current is not None and _is_due(current, row, now):
        token_id, device_id = current.id, row.device_id
        release.ask_to_sign_in(row.enrollment, trace=lambda: _asked(token_id, device_id, now))


def _fresh(row: EnrollmentSession, authorization: str, now: datetime) -> AccessToken | None:
    """The token of a sign-in that was asked for, by the person whose device it is."""
    try:
        text = account_driven.bearer(authorization)
    except ProtocolError:
        return None
    return session().scalar(
        sa.select(AccessToken)
        .where(
            AccessToken.token_hash == hashed(text),
            AccessToken.session_id.is_(None),
            AccessToken.enrollment_id == row.enrollment_id,
            AccessToken.realm_user_id == row.realm_user_id,
            AccessToken.expires_at > now,
        )
        .with_for_update(of=AccessToken)
    )


def _is_due(current: AccessToken, row: EnrollmentSession, now: datetime) -> bool:
    if current.expires_at is None or current.expires_at > now:
        return False
    if current.asked_at is not None and current.asked_at > now - ASKED_FOR:
        return False
    return row.enrollment.revoked_at is None and reachable.now(row.enrollment)


def _asked(token_id: int, device_id: int | None, now: datetime) -> None:
    current = session().get(AccessToken, token_id)
    if current is not None:
        current.asked_at = now
        events.record("device.asked_to_sign_in", device=device_id)
