"""Lists of people, and finding one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from zmdm_plugin.db import session
from zmdm_plugin.errors import NotFound
from zmdm_plugin.models import Device, Enrollment, Realm, RealmUser
from zmdm_plugin.services.keyset import DEFAULT_LIMIT, MAX_ID, Keyset, Page

KEYSET = Keyset(
    RealmUser.id,
    {"username": RealmUser.username, "last_signed_in_at": RealmUser.last_signed_in_at},
)
_SEARCHED = (RealmUser.username, RealmUser.email, RealmUser.full_name)
_ESCAPED = re.compile("[%_/]")


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleFilter:
    """None asks nothing."""

    realm: int | None = None
    username: str | None = None
    email: str | None = None
    search: str | None = None
    """In the username, the email address or the full name."""

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        asked = {
            RealmUser.realm_id: self.realm,
            RealmUser.username: self.username,
            RealmUser.email: self.email,
        }
        found: list[sa.ColumnElement[bool]] = [
            column == value for column, value in asked.items() if value is not None
        ]
        if self.search:
            escaped = _ESCAPED.sub(r"/\g<0>", self.search)
            pattern = sa.func.lower(f"%{escaped}%")
            found.append(
                sa.or_(*(sa.func.lower(one).like(pattern, escape="/") for one in _SEARCHED))
            )
        return found


def page(
    filter: PeopleFilter,
    *,
    ordering: str = "id",
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[RealmUser]:
    """A page of people, their realms with them."""
    with_realm = joinedload(RealmUser.realm, innerjoin=True)
    statement = sa.select(RealmUser).where(*filter.conditions()).options(with_realm)
    return KEYSET.entities(statement, ordering=ordering, cursor=cursor, limit=limit)


def find(person_id: int) -> RealmUser:
    row = session().get(RealmUser, person_id) if 0 < person_id <= MAX_ID else None
    if row is None:
        raise NotFound("there is no such person")
    return row


def by_username(realm: Realm, username: str) -> RealmUser:
    row = session().scalar(
        sa.select(RealmUser).where(RealmUser.realm_id == realm.id, RealmUser.username == username)
    )
    if row is None:
        raise NotFound(f"the realm {realm.name} knows no {username}")
    return row


def devices_of(people: Iterable[int]) -> dict[int, int]:
    """How many devices each of these people has; one statement."""
    counted = (
        sa.select(Device.realm_user_id, sa.func.count())
        .where(Device.realm_user_id.in_(list(people)))
        .group_by(Device.realm_user_id)
    )
    return {person: number for person, number in session().execute(counted) if person is not None}


def people_of(realms: Iterable[int]) -> dict[int, int]:
    """How many people of each of these realms are known."""
    counted = (
        sa.select(RealmUser.realm_id, sa.func.count())
        .where(RealmUser.realm_id.in_(list(realms)))
        .group_by(RealmUser.realm_id)
    )
    return {realm: number for realm, number in session().execute(counted)}


def enrollments_of(realm_id: int) -> list[Enrollment]:
    """The enrollments that use a realm."""
    using = sa.select(Enrollment).where(Enrollment.realm_id == realm_id)
    return list(session().scalars(using.order_by(Enrollment.name)))
