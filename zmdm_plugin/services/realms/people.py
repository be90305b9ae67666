"""People of realms: what a provider says of somebody becomes their row and reaches the devices."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict
from zmdm_plugin.models import AccessToken, Device, EnrollmentSession, Realm, RealmUser, SignIn
from zmdm_plugin.services import events, replan
from zmdm_plugin.services.channels import hold_devices
from zmdm_plugin.services.realms.provider import Known, PersonRefused

LONGEST = 256
_MOST_CLAIMS = 16 * 1024
"""Characters of the claims that are kept, as JSON."""
_CHUNK = 500


def take(realm: Realm, known: Known, *, now: datetime) -> RealmUser:
    """The row of somebody who has just signed in; what changed reaches their devices.

    Sign-ins of one realm take turns here, so that nobody gets two rows.
    """
    if known.subject is not None and known.subject != text(known.subject):
        raise PersonRefused("the provider's lasting name of the person cannot be kept")
    session().execute(
        sa.select(Realm.id).where(Realm.id == realm.id).with_for_update(key_share=True)
    )
    values = mapped(realm.claim_mapping, known.claims)
    row = _find(realm, values["username"], known.subject)
    if row is None:
        row = RealmUser(realm_id=realm.id, username=values["username"])
        row.realm = realm
        session().add(row)
    changed = _apply(row, {**values, "subject": known.subject or row.subject})
    row.claims = bounded(known.claims)
    row.last_signed_in_at = now
    session().flush()
    if changed:
        replan_devices(row)
    return row


def mapped(mapping: Mapping[str, Any], claims: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a person; PersonRefused without a username."""
    values = {
        name: text(claims.get(str(mapping[name]))) if mapping.get(name) else None
        for name in RealmUser.FIELDS
    }
    if not values["username"]:
        raise PersonRefused(
            f"the provider does not say “{mapping.get('username')}”, which is to be the username"
        )
    if not values["full_name"]:
        names = [values["first_name"], values["last_name"]]
        values["full_name"] = " ".join(name for name in names if name) or None
    return values


def text(value: Any) -> str | None:
    """A claim as one line of text: the first of several, no control characters, not endless."""
    if isinstance(value, list | tuple):
        value = value[0] if value else None
    if isinstance(value, bool | Mapping) or value is None:
        return None
    line = "".join(one for one in str(value) if one.isprintable()).strip()
    return line[:LONGEST].encode("utf-8", "ignore").decode() or None


def bounded(claims: Mapping[str, Any]) -> dict[str, Any] | None:
    """Claims as they are kept; None if they are too many to keep."""
    plain = json.dumps(dict(claims), default=str, sort_keys=True, ensure_ascii=False)
    try:
        plain.encode()
    except UnicodeEncodeError:
        return None
    if len(plain) > _MOST_CLAIMS or "\\u0000" in plain:
        return None
    kept: dict[str, Any] = json.loads(plain)
    return kept


def change(row: RealmUser, changes: Mapping[str, Any]) -> None:
    """Change columns by hand; what changed reaches the devices."""
    if _apply(row, changes):
        session().flush()
        replan_devices(row)


def replan_devices(row: RealmUser) -> None:
    """Their variables stand for something else now: the planner looks at their devices anew."""
    theirs = sa.select(Device.id).where(Device.realm_user_id == row.id).order_by(Device.id)
    last = 0
    while ids := session().scalars(theirs.where(Device.id > last).limit(_CHUNK)).all():
        hold_devices(ids)
        for device in session().scalars(sa.select(Device).where(Device.id.in_(ids))).all():
            replan.device(device, bulk=True)
        last = ids[-1]


def _find(realm: Realm, username: str, subject: str | None) -> RealmUser | None:
    """By what the provider never gives again, else by the username, if that is nobody else's."""
    people = sa.select(RealmUser).where(RealmUser.realm_id == realm.id)
    by_name = session().scalar(people.where(RealmUser.username == username))
    if subject is None:
        return by_name
    by_subject = session().scalar(people.where(RealmUser.subject == subject))
    other = by_name is not None and by_name.subject not in (None, subject)
    if other or (by_name is not None and by_subject is not None and by_name is not by_subject):
        raise PersonRefused(
            f"the username {username} belonged to another account of the provider; an "
            "administrator has to release it first"
        )
    return by_subject or by_name


def _apply(row: RealmUser, values: Mapping[str, Any]) -> bool:
    before = {name: getattr(row, name) for name in values}
    for name, value in values.items():
        setattr(row, name, value)
    return row.id is not None and any(before[name] != values[name] for name in values)


def release(row: RealmUser) -> None:
    """Let another account of the provider have this username; whoever signs in next keeps it."""
    if row.subject is None:
        raise Conflict("no account of the provider holds this username")
    row.subject = None
    session().flush()


def delete(row: RealmUser) -> None:
    """Forget a person who has no device; Conflict for one who has. Sessions go on without them."""
    session().refresh(row, with_for_update={"of": RealmUser})
    has = sa.select(Device.id).where(Device.realm_user_id == row.id).limit(1)
    if session().scalar(has) is not None:
        raise Conflict("this person has devices, whose profiles may name them")
    # Without a device none of their tokens opens anything.
    session().execute(
        sa.delete(AccessToken).where(AccessToken.realm_user_id == row.id),
        execution_options={"synchronize_session": False},
    )
    for table in (EnrollmentSession, SignIn):
        session().execute(
            sa.update(table).where(table.realm_user_id == row.id).values(realm_user_id=None),
            execution_options={"synchronize_session": False},
        )
    events.record("realm_user.deleted", realm=row.realm.name, realm_user=row.id)
    session().delete(row)
    session().flush()
