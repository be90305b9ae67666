"""How a person's device comes in: asked to sign in, then given its profile for the access token.

    1  POST, signed, without a token   -> 401 that names the sign-in (nothing is stored)
    2  the person signs in             -> an access token for the device, good for an hour
    3  POST with the token             -> a session, and its MDM profile

https://developer.apple.com/documentation/devicemanagement/implementing-the-simple-authentication-user-enrollment-flow
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import (
    AccessToken,
    AccountSettings,
    Device,
    Enrollment,
    EnrollmentSession,
    RealmUser,
)
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol import account_driven, cms, mobileconfig, plist
from zmdm_plugin.protocol.account_driven import Introduction
from zmdm_plugin.protocol.mobileconfig import EnrollmentPayload
from zmdm_plugin.services import events, release
from zmdm_plugin.services.account import accounts, maid
from zmdm_plugin.services.enrollment import enrollments, profiles, sessions

KIND = "account"
UNUSED_FOR = timedelta(hours=1)
"""How long an access token waits for its device, which comes back within seconds."""


def ask(secret: str, body: bytes, *, authorization: str | None) -> bytes:
    """The MDM profile; SignInRequired for a device that has no token, or one that is of no use."""
    enrollment = enrollments.by_secret(secret, enrollments.ACCOUNT, lock=authorization is not None)
    message = cms.verify_attached(body, minimum_rsa_bits=1024)
    device = account_driven.introduction(plist.load_dict(message.content))
    enrollments.check(enrollment)
    if authorization is None:
        if enrollment.quota is not None and enrollment.request_count >= enrollment.quota:
            enrollments.refuse(enrollment, "the enrollment's quota is used up")
        release.ask_to_sign_in(enrollment)
    token = _usable(enrollment, account_driven.bearer(authorization))
    if token is None:
        release.ask_to_sign_in(enrollment)
    row = token.session or _begin(enrollment, token, device)
    sessions.advance(row, "profiled")
    return profiles.signed(profiles.for_session(row))


def _usable(enrollment: Enrollment, text: str) -> AccessToken | None:
    """The token that a device came back with, unless it was used up or is too old."""
    token = session().scalar(
        sa.select(AccessToken)
        .where(
            AccessToken.token_hash == sessions.hashed(text),
            AccessToken.enrollment_id == enrollment.id,
        )
        .with_for_update(of=AccessToken)
    )
    if token is None or (token.expires_at is not None and token.expires_at <= utcnow()):
        return None
    if token.session is not None and token.session.state not in sessions.OPEN:
        return None
    return token


def _begin(enrollment: Enrollment, token: AccessToken, device: Introduction) -> EnrollmentSession:
    settings = accounts.settings_of(enrollment)
    person = session().get_one(RealmUser, token.realm_user_id)
    accounts.check_person(enrollment, person)
    _unless_blocked(enrollment, person, device)
    enrollments.count(enrollment)
    row = sessions.start(
        enrollment,
        KIND,
        "profiled",
        realm_user_id=person.id,
        product=device.product,
        os_version=device.os_version or device.build_version,
    )
    row.payload = _payload(enrollment, settings, token).to_json()
    take(token, row, settings)
    return row


def take(token: AccessToken, row: EnrollmentSession, settings: AccountSettings) -> None:
    """The token is this session's from now on, and its former ones are over."""
    session().execute(
        sa.delete(AccessToken).where(
            AccessToken.session_id == row.id, AccessToken.token_hash != token.token_hash
        ),
        execution_options={"synchronize_session": False},
    )
    days = settings.reauthenticate_days
    token.session, token.session_id = row, row.id
    token.expires_at = utcnow() + timedelta(days=days) if days else None
    session().flush()


def _payload(
    enrollment: Enrollment, settings: AccountSettings, token: AccessToken
) -> EnrollmentPayload:
    """What the device enrolls with, and finds again in every renewal."""
    byod = settings.mode == account_driven.BYOD
    capabilities = [mobileconfig.PER_USER_CONNECTIONS]
    if not byod:  # Apple: no bootstrap token in a user enrollment
        capabilities.append(mobileconfig.BOOTSTRAP_TOKEN)
    if maid.can_answer():
        capabilities.append(mobileconfig.TOKENS)
    usual = profiles.payload_of(enrollment)
    return replace(
        usual,
        access_rights=None if byod else usual.access_rights,
        capabilities=tuple(capabilities),
        enrollment_mode=account_driven.ENROLLMENT_MODES[settings.mode],
        assigned_managed_apple_id=token.managed_account,
    )


def _unless_blocked(enrollment: Enrollment, person: RealmUser, device: Introduction) -> None:
    """A user enrollment has another EnrollmentID each time: its person and model tell who it is."""
    blocked = session().scalar(
        sa.select(Device.id)
        .join(EnrollmentSession, EnrollmentSession.id == Device.session_id)
        .where(
            EnrollmentSession.realm_user_id == person.id,
            EnrollmentSession.product == device.product,
            EnrollmentSession.kind == KIND,
            Device.user_enrollment.is_(True),
            Device.blocked_at.is_not(None),
        )
        .limit(1)
    )
    if blocked is not None:
        enrollments.refuse(
            enrollment, f"an operator blocked the {device.product} of {person.username}"
        )


def signed_in(enrollment: Enrollment, person: RealmUser) -> str:
    """A person has signed in: the access token for their device."""
    accounts.check_person(enrollment, person)
    account = accounts.managed_account(accounts.settings_of(enrollment), person)
    now, text = utcnow(), sessions.new_secret()
    session().execute(
        sa.delete(AccessToken).where(
            AccessToken.enrollment_id == enrollment.id,
            AccessToken.session_id.is_(None),
            AccessToken.expires_at <= now,
        ),
        execution_options={"synchronize_session": False},
    )
    session().add(
        AccessToken(
            enrollment_id=enrollment.id,
            realm_user_id=person.id,
            managed_account=account,
            token_hash=sessions.hashed(text),
            expires_at=now + UNUSED_FOR,
        )
    )
    session().flush()
    events.record(
        "enrollment.signed_in", enrollment=enrollment.id, name=enrollment.name, by=person.username
    )
    return text
