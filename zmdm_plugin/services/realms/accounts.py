"""Local accounts: made, given a password, switched off and on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict, Refused
from zmdm_plugin.models import Realm, RealmUser
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import events
from zmdm_plugin.services.realms import passwords, people, provider


def create(realm: Realm, values: Mapping[str, Any], *, password: str) -> RealmUser:
    """Make an account; `values` are columns of RealmUser.FIELDS. Refused with (field, why)."""
    _must_be_local(realm)
    columns = _checked(values)
    if not (username := columns.get("username")):
        raise Refused("username", "is required")
    _check_free(realm.id, username)
    row = RealmUser(realm_id=realm.id, **columns)
    row.realm = realm
    row.password_hash = passwords.hashed(password)
    session().add(row)
    session().flush()
    events.record("realm_user.created", realm=realm.name, realm_user=row.id)
    return row


def update(row: RealmUser, changes: Mapping[str, Any]) -> None:
    """Change names and addresses; what changed reaches the devices."""
    _must_be_local(row.realm)
    columns = _checked(changes)
    if "username" in columns:
        if not (username := columns["username"]):
            raise Refused("username", "is required")
        if username != row.username:
            _check_free(row.realm_id, username)
    people.change(row, columns)


def set_password(row: RealmUser, password: str) -> None:
    """Give an account another password."""
    _must_be_local(row.realm)
    row.password_hash = passwords.hashed(password)
    session().flush()


def disable(row: RealmUser) -> None:
    """Let this account sign in no more; devices that are enrolled stay."""
    _must_be_local(row.realm)
    if row.disabled_at is not None:
        raise Conflict("the account is switched off already")
    row.disabled_at = utcnow()
    session().flush()


def enable(row: RealmUser) -> None:
    _must_be_local(row.realm)
    if row.disabled_at is None:
        raise Conflict("the account is not switched off")
    row.disabled_at = None
    session().flush()


def _must_be_local(realm: Realm) -> None:
    if realm.backend != provider.LOCAL:
        raise Conflict("the accounts of this realm live at its provider")


def _checked(values: Mapping[str, Any]) -> dict[str, str | None]:
    for name, value in values.items():
        if name not in RealmUser.FIELDS:
            raise Refused(name, "is no column of an account")
        if value and value != people.text(value):
            raise Refused(name, f"must be one line of at most {people.LONGEST} characters")
    return {name: value or None for name, value in values.items()}


def _check_free(realm_id: int, username: str) -> None:
    taken = sa.select(RealmUser.id).where(
        RealmUser.realm_id == realm_id, RealmUser.username == username
    )
    if session().scalar(taken) is not None:
        raise Refused("username", "there is an account with this username")


def change(row: RealmUser, changes: Mapping[str, Any]) -> None:
    """All of it at once: columns, `password`, `disabled`."""
    columns = dict(changes)
    password, disabled = columns.pop("password", None), columns.pop("disabled", None)
    _must_be_local(row.realm)
    if columns:
        update(row, columns)
    if password is not None:
        set_password(row, password)
    if disabled is not None and disabled != (row.disabled_at is not None):
        (disable if disabled else enable)(row)
