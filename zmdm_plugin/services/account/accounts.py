"""Account-driven enrollments: made, changed, and what they say of a person."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import (
    AccountSettings,
    DepVirtualServer,
    Enrollment,
    PushCertificate,
    Realm,
    RealmUser,
    ScepIssuer,
)
from zmdm_plugin.protocol import account_driven, variables
from zmdm_plugin.services.enrollment import enrollments
from zmdm_plugin.services.realms import naming

PATTERN = "$REALM_USER.EMAIL"
SETTINGS = (
    *("mode", "domains", "model_families", "is_default", "managed_account"),
    *("reauthenticate_days", "server_id"),
)
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}", re.ASCII)
_ACCOUNT = re.compile(r"[^@\s]{1,128}@[^@\s]+")


def create(
    name: str,
    *,
    push_certificate: PushCertificate,
    issuer: ScepIssuer,
    realm: Realm,
    settings: Mapping[str, Any],
    display_name: str = "",
    quota: int | None = None,
    expires_at: datetime | None = None,
    blueprint_id: int | None = None,
) -> AccountSettings:
    """Make one; `settings` are those named in SETTINGS. Refused with (field, why)."""
    values = _checked({**_DEFAULTS, **settings})
    row = enrollments.create(
        enrollments.ACCOUNT,
        name,
        push_certificate=push_certificate,
        issuer=issuer,
        display_name=display_name,
        quota=quota,
        expires_at=expires_at,
        blueprint_id=blueprint_id,
        realm_id=realm.id,
        realm_required=True,
    )
    made = AccountSettings(enrollment_id=row.id, **values)
    made.enrollment = row
    _check_alone(made)
    session().add(made)
    session().flush()
    return made


_DEFAULTS: dict[str, Any] = {
    "mode": account_driven.BYOD,
    "domains": [],
    "model_families": [],
    "is_default": False,
    "managed_account": PATTERN,
    "reauthenticate_days": None,
    "server_id": None,
}


def update(row: AccountSettings, changes: Mapping[str, Any]) -> None:
    """Change settings and the enrollment's own columns; devices that are in stay as they came."""
    own = {name: value for name, value in changes.items() if name in SETTINGS}
    if own.get("mode", row.mode) != row.mode and row.enrollment.request_count:
        raise Refused("mode", "devices have enrolled this way already; make another enrollment")
    values = _checked({**{name: getattr(row, name) for name in SETTINGS}, **own})
    with session().no_autoflush:
        for name, value in values.items():
            setattr(row, name, value)
        _check_alone(row)
    enrollments.update(
        row.enrollment, {name: value for name, value in changes.items() if name not in SETTINGS}
    )


def settings_of(row: Enrollment) -> AccountSettings:
    """What this enrollment says beyond the others."""
    return (
        session()
        .scalars(sa.select(AccountSettings).where(AccountSettings.enrollment_id == row.id))
        .one()
    )


def check_person(row: Enrollment, person: RealmUser) -> None:
    """Raise EnrollmentRefused for somebody who may not come in this way."""
    if row.realm_id is None or person.realm_id != row.realm_id:
        enrollments.refuse(row, f"{person.username} is of another realm")
    if person.disabled_at is not None:
        enrollments.refuse(row, f"the account of {person.username} is disabled")


def managed_account(settings: AccountSettings, person: RealmUser) -> str:
    """The Managed Apple Account of a person; EnrollmentRefused if they have none by the pattern."""
    known = {name: value for name, value in naming.variables(person).items() if value}
    found = variables.substitute(settings.managed_account, known)
    account = str(found.value).strip().lower()
    if found.unresolved:
        missing = ", ".join(sorted(found.unresolved))
        enrollments.refuse(
            settings.enrollment, f"nothing is known for {missing} of {person.username}"
        )
    if len(account) > 256 or not _is_account(account):
        enrollments.refuse(
            settings.enrollment, f"{account[:100]!r} of {person.username} is no Apple Account"
        )
    return account


def _is_account(text: str) -> bool:
    return bool(_ACCOUNT.fullmatch(text)) and bool(_DOMAIN.fullmatch(text.rpartition("@")[2]))


def _checked(values: Mapping[str, Any]) -> dict[str, Any]:
    if values["mode"] not in account_driven.MODES:
        raise Refused("mode", f"must be one of {', '.join(account_driven.MODES)}")
    families = list(dict.fromkeys(values["model_families"]))
    if strange := [one for one in families if one not in account_driven.FAMILIES]:
        raise Refused("model_families", f"Apple has no model family {strange[0]!r}")
    days = values["reauthenticate_days"]
    if days is not None and not 1 <= days <= 3650:
        raise Refused("reauthenticate_days", "must be from 1 to 3650")
    _check_server(values["server_id"])
    domains = _domains(values["domains"])
    if not domains and not values["is_default"]:
        raise Refused("domains", "name at least one, or make this the default enrollment")
    return {
        **values,
        "domains": domains,
        "model_families": families,
        "managed_account": _pattern(values["managed_account"]),
    }


def _check_server(server_id: int | None) -> None:
    if server_id is not None and session().get(DepVirtualServer, server_id) is None:
        raise Refused("virtual_server", "there is no such virtual server")


def _domains(given: Sequence[str]) -> list[str]:
    domains = list(dict.fromkeys(one.strip().lstrip("@").lower() for one in given))
    for one in domains:
        if len(one) > 253 or not _DOMAIN.fullmatch(one):
            raise Refused("domains", f"{one[:100]!r} is no domain, like example.com")
    return domains


def _pattern(given: str) -> str:
    """Tried on a person who has everything, so that a typing error is found now."""
    pattern = given.strip()
    usable = variables.used(pattern) - set(variables.PERSON_NAMES)
    if usable:
        raise Refused("managed_account", f"{min(usable)} is not known before a device enrolls")
    if not variables.used(pattern):
        raise Refused("managed_account", "must hold a variable, or all people have one account")
    emails = {"$REALM_USER.EMAIL": "ada@example.com"}
    sample = {name: emails.get(name, "ada") for name in variables.PERSON_NAMES}
    tried = variables.substitute(pattern, sample)
    # A pattern of names alone may stand for whole accounts: that is seen when somebody signs in.
    whole = pattern in variables.PERSON_NAMES
    if not whole and (len(pattern) > 256 or not _is_account(str(tried.value))):
        raise Refused("managed_account", "does not make an account like ada@example.com")
    return pattern


def _check_alone(row: AccountSettings) -> None:
    """Two open enrollments may not both be for the same people and the same devices."""
    others = session().scalars(
        sa.select(AccountSettings)
        .join(Enrollment, Enrollment.id == AccountSettings.enrollment_id)
        .where(Enrollment.revoked_at.is_(None), Enrollment.id != row.enrollment_id)
        .order_by(AccountSettings.id)
    )
    for other in others:
        if bool(row.model_families) != bool(other.model_families):
            continue  # one that names the model family is before one for all of them
        if row.model_families and not set(row.model_families) & set(other.model_families):
            continue
        if both := set(row.domains) & set(other.domains):
            raise Refused("domains", f"{min(both)} is sent to {other.enrollment.name} already")
        if row.is_default and other.is_default:
            raise Refused("is_default", f"{other.enrollment.name} is the default already")
