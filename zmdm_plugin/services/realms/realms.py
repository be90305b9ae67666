"""Realms: made, changed, tested, deleted; each backend checks what is configured for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import ConfigError, Conflict, NotFound, Refused
from zmdm_plugin.models import Enrollment, Realm, RealmUser, SignIn, SignInAttempt
from zmdm_plugin.services import events, vault
from zmdm_plugin.services.keyset import MAX_ID
from zmdm_plugin.services.realms import people, provider

_MOST_NAME, _MOST_SECRET = 128, 4096


def create(
    name: str,
    backend: str,
    *,
    config: Mapping[str, Any] | None = None,
    secret: str | None = None,
    claim_mapping: Mapping[str, Any] | None = None,
    enabled: bool = True,
) -> Realm:
    """Make a realm; Refused with (field, why). Nobody is asked yet: see `testing`."""
    if backend not in provider.BACKENDS:
        raise Refused("backend", f"must be one of {', '.join(provider.BACKENDS)}")
    _check_name(name)
    row = Realm(
        name=name,
        backend=backend,
        enabled=enabled,
        config=_checked_config(backend, config or {}),
        claim_mapping=_checked_mapping(backend, claim_mapping or {}),
    )
    _seal(row, secret)
    session().add(row)
    session().flush()
    events.record("realm.created", name=name, backend=backend)
    return row


def update(row: Realm, changes: Mapping[str, Any]) -> None:
    """Change a realm, as in `create`; its backend stays. A `secret` that is not given stays."""
    values = dict(changes)
    if values.pop("backend", row.backend) != row.backend:
        raise Refused("backend", "stays as it is: the people of a realm are known by it")
    if "name" in values and values["name"] != row.name:
        _check_name(values["name"])
    if "config" in values:
        values["config"] = _checked_config(row.backend, values["config"])
        if values["config"].get("issuer") != row.config.get("issuer"):
            _forget_subjects(row)
    if "claim_mapping" in values:
        values["claim_mapping"] = _checked_mapping(row.backend, values["claim_mapping"])
    if "secret" in values:
        _seal(row, values.pop("secret"))
    for column, value in values.items():
        setattr(row, column, value)
    session().flush()
    events.record("realm.changed", name=row.name)


def _forget_subjects(row: Realm) -> None:
    """Another provider gives its own: the same `sub` is somebody else there, and the same person
    has another. Whoever signs in next with a username keeps it."""
    session().execute(
        sa.update(RealmUser).where(RealmUser.realm_id == row.id).values(subject=None),
        execution_options={"synchronize_session": False},
    )


def delete(row: Realm) -> None:
    """Delete a realm that no enrollment uses and that has no people; Conflict otherwise."""
    session().refresh(row, with_for_update=True)
    used = sa.select(Enrollment.name).where(Enrollment.realm_id == row.id).limit(1)
    if (name := session().scalar(used)) is not None:
        raise Conflict(f"the enrollment “{name}” uses this realm")
    if session().scalar(sa.select(RealmUser.id).where(RealmUser.realm_id == row.id).limit(1)):
        raise Conflict("people of this realm are known here; switch it off instead")
    for table in (SignIn, SignInAttempt):
        session().execute(sa.delete(table).where(table.realm_id == row.id))
    events.record("realm.deleted", name=row.name)
    session().delete(row)
    session().flush()


def find(realm_id: int) -> Realm:
    row = session().get(Realm, realm_id) if 0 < realm_id <= MAX_ID else None
    if row is None:
        raise NotFound("there is no such realm")
    return row


def by_name(name: str) -> Realm:
    row = session().scalar(sa.select(Realm).where(Realm.name == name))
    if row is None:
        raise NotFound(f"there is no realm {name!r}")
    return row


def default_mapping(backend: str) -> dict[str, str]:
    """Which claims a backend usually has."""
    return dict(_MAPPINGS[backend])


_MAPPINGS = {
    provider.LOCAL: {name: name for name in RealmUser.FIELDS},
    provider.OIDC: {
        "username": "preferred_username",
        "email": "email",
        "first_name": "given_name",
        "last_name": "family_name",
        "full_name": "name",
    },
    provider.LDAP: {
        "username": "uid",
        "email": "mail",
        "first_name": "givenName",
        "last_name": "sn",
        "full_name": "cn",
    },
}


def _checked_config(backend: str, config: Mapping[str, Any]) -> dict[str, Any]:
    try:
        module = provider.module(backend)
    except ConfigError as error:
        raise Refused("backend", str(error)) from error
    checked: dict[str, Any] = module.checked(config)
    return checked


def _checked_mapping(backend: str, mapping: Mapping[str, Any]) -> dict[str, Any]:
    if backend == provider.LOCAL or not mapping:
        return default_mapping(backend)
    for name, claim in mapping.items():
        if name not in RealmUser.FIELDS:
            raise Refused("claim_mapping", f"knows {', '.join(RealmUser.FIELDS)}, not {name}")
        if claim is not None and (not isinstance(claim, str) or claim != people.text(claim)):
            raise Refused("claim_mapping", f"{name} must be the name of a claim")
    if not mapping.get("username"):
        raise Refused("claim_mapping", "must say which claim is the username")
    return {name: claim for name, claim in mapping.items() if claim}


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > _MOST_NAME:
        raise Refused("name", f"must have 1 to {_MOST_NAME} characters")
    if session().scalar(sa.select(Realm.id).where(Realm.name == name)) is not None:
        raise Refused("name", "there is a realm with this name")


def _seal(row: Realm, secret: str | None) -> None:
    if secret is not None and len(secret) > _MOST_SECRET:
        raise Refused("secret", f"must have at most {_MOST_SECRET} characters")
    vault.seal(row, "secret", secret.encode("utf-8", "surrogatepass") if secret else None)
