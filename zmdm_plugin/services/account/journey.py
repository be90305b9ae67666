"""A person's way through the sign-in of an account-driven enrollment."""

from __future__ import annotations

from zmdm_plugin.db import session
from zmdm_plugin.errors import EnrollmentRefused
from zmdm_plugin.models import Enrollment, Realm
from zmdm_plugin.services.account import entrance
from zmdm_plugin.services.enrollment import enrollments
from zmdm_plugin.services.realms import sign_ins

PURPOSE = "account"


def begin(secret: str) -> str:
    """Where the device's sign-in window goes first."""
    enrollment = _open(secret)
    realm = session().get_one(Realm, enrollment.realm_id)
    then = f"/public/mdm/account/{secret}/signed_in/"
    return sign_ins.begin(realm, purpose=PURPOSE, then=then, data={"enrollment": enrollment.uid})


def end(secret: str, handle: str) -> str:
    """The access token for who signed in; once for each sign-in."""
    enrollment = _open(secret)
    finished = sign_ins.finish(handle, purpose=PURPOSE)
    if finished.data.get("enrollment") != enrollment.uid or finished.realm_user is None:
        raise EnrollmentRefused("this sign-in was for something else; begin again on the device")
    return entrance.signed_in(enrollment, finished.realm_user)


def _open(secret: str) -> Enrollment:
    """Also one that is full or past its end: devices that are in sign in here, too."""
    enrollment = enrollments.by_secret(secret, enrollments.ACCOUNT)
    if enrollment.revoked_at is not None:
        enrollments.refuse(enrollment, "the enrollment was revoked")
    return enrollment
