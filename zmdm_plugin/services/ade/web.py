"""The web view of Setup Assistant: the device says who it is, a person signs in, the profile comes.

    1  GET …/web/              with MachineInfo in a header    -> a sign-in, or the profile at once
    2  GET …/web/signed_in/    the browser back from there     -> the address of the profile
    3  GET …/web/<ticket>/     as often as a reply is lost     -> the profile, which ends the view

https://developer.apple.com/documentation/devicemanagement/authenticating-through-web-views
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import NotFound, ProtocolError, SealError
from zmdm_plugin.models import Enrollment, EnrollmentSession
from zmdm_plugin.protocol import machine_info
from zmdm_plugin.services.ade import entering
from zmdm_plugin.services.ade.entering import Answer
from zmdm_plugin.services.enrollment import enrollments, people, sessions
from zmdm_plugin.services.realms import sign_ins
from zmdm_plugin.services.realms.sign_ins import SignInRefused
from zmdm_plugin.state import state

PURPOSE: Final = "ade"
_LABEL: Final = "ade.signed_in"
_NO_DEVICE: Final = "this page is for a device that is being set up, and opens in its own view only"


def opened(secret: str, header: str | None) -> Answer:
    """The view opens: update first, sign in, or have the profile."""
    enrollment = enrollments.by_secret(secret, enrollments.ADE, lock=True)
    if not header:
        raise ProtocolError(_NO_DEVICE)
    info = entering.proven(enrollment, machine_info.decode_header(header))
    row = entering.passing(enrollment, info)
    if update := entering.held(row, info):
        return Answer(update=update)
    realm = people.realm_of(enrollment)
    if realm is None:
        return Answer(profile=entering.profile(row))
    url = sign_ins.begin(
        realm,
        purpose=PURPOSE,
        then=f"/public/mdm/ade/{secret}/web/signed_in/",
        data={"session": row.uid},
        optional=not enrollment.realm_required,
    )
    return Answer(sign_in=url)


def signed_in(secret: str, handle: str) -> str:
    """Somebody has signed in, or may go on without: where the profile is, for this device alone."""
    enrollment = enrollments.by_secret(secret, enrollments.ADE)
    finished = sign_ins.finish(handle, purpose=PURPOSE)
    row = _session(enrollment, str(finished.data.get("session")))
    row.realm_user_id = finished.realm_user.id if finished.realm_user else None
    _admit(row)
    ticket = state().box.seal(row.uid.encode(), label=_LABEL, uid=enrollment.uid)
    return f"{state().settings.base_url}/public/mdm/ade/{secret}/web/{ticket}/"


def profile(secret: str, ticket: str) -> bytes:
    """The MDM profile for the device whose person has signed in."""
    enrollment = enrollments.by_secret(secret, enrollments.ADE)
    try:
        uid = state().box.open(ticket, label=_LABEL, uid=enrollment.uid).decode()
    except SealError as error:
        raise NotFound("there is no such page") from error
    row = _session(enrollment, uid)
    _admit(row)
    return entering.profile(row)


def _session(enrollment: Enrollment, uid: str) -> EnrollmentSession:
    row = session().scalar(
        sa.select(EnrollmentSession)
        .where(EnrollmentSession.uid == uid, EnrollmentSession.enrollment_id == enrollment.id)
        .with_for_update(of=EnrollmentSession)
    )
    if row is None:
        raise SignInRefused("this sign-in belongs to another device; begin again")
    return row


def _admit(row: EnrollmentSession) -> None:
    """Time has passed since the view opened: what was checked then is checked once more."""
    sessions.check_open(row)
    enrollments.check(row.enrollment, serial_number=row.serial_number, udid=row.udid)
    if row.enrollment.realm_required and row.realm_user_id is None:
        sessions.refuse(row, "somebody has to sign in on the device before it enrolls")
