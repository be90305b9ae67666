"""Account-driven enrollments and who came through them, page by page."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.models import AccountSettings, Device, Enrollment, EnrollmentSession, Realm
from zmdm_plugin.services import access
from zmdm_plugin.services.keyset import DEFAULT_LIMIT, Keyset, Page

_ENROLLMENTS = Keyset(AccountSettings.id, {})
_SESSIONS = Keyset(EnrollmentSession.id, {})
ORDERINGS = ("id", "-id")


def page(
    *,
    revoked: bool | None = None,
    mode: str | None = None,
    ordering: str = "id",
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[AccountSettings]:
    """A page of enrollments, in the order in which they were made."""
    statement = sa.select(AccountSettings).options(
        joinedload(AccountSettings.enrollment).joinedload(Enrollment.realm)
    )
    if mode is not None:
        statement = statement.where(AccountSettings.mode == mode)
    if revoked is not None:
        known = sa.select(Enrollment.id).where(
            Enrollment.revoked_at.is_not(None) if revoked else Enrollment.revoked_at.is_(None)
        )
        statement = statement.where(AccountSettings.enrollment_id.in_(known))
    return _ENROLLMENTS.entities(statement, ordering=ordering, cursor=cursor, limit=limit)


def sessions_of(enrollment: Enrollment, actor: Actor) -> sa.Select[EnrollmentSession]:
    """The sessions of an enrollment that the actor may see, each with its person."""
    query = (
        sa.select(EnrollmentSession)
        .where(EnrollmentSession.enrollment_id == enrollment.id)
        .options(joinedload(EnrollmentSession.realm_user))
    )
    scope = access.row_scope(actor, access.VIEW_DEVICES)
    if scope is None:
        return query
    return query.join(Device, Device.id == EnrollmentSession.device_id).where(scope)


def session_page(
    enrollment: Enrollment,
    actor: Actor,
    *,
    ordering: str = "-id",
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[EnrollmentSession]:
    """A page of them, the newest first."""
    return _SESSIONS.entities(
        sessions_of(enrollment, actor), ordering=ordering, cursor=cursor, limit=limit
    )


def realms() -> list[tuple[int, str]]:
    """Ids and names of the realms that people can sign in to."""
    rows = session().execute(
        sa.select(Realm.id, Realm.name).where(Realm.enabled.is_(True)).order_by(Realm.name)
    )
    return [(row.id, row.name) for row in rows]
