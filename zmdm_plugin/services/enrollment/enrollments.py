"""Enrollments: made, revoked, found by the secret in their link, and asked whether they admit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn
from urllib.parse import urlsplit

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict, EnrollmentRefused, NotFound, Refused
from zmdm_plugin.models import (
    AdeProfile,
    DepDevice,
    DepVirtualServer,
    Device,
    Enrollment,
    EnrollmentSession,
    MDMBlueprint,
    PushCertificate,
    ScepIssuer,
)
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import events, vault
from zmdm_plugin.services.enrollment import people
from zmdm_plugin.services.enrollment.sessions import hashed, new_secret
from zmdm_plugin.state import state

OTA, MANUAL, ADE, ACCOUNT = "ota", "manual", "ade", "account"
KINDS = (OTA, MANUAL)
"""Those that are made from nothing but the order below."""
_LISTS = ("serial_numbers", "udids")


def create(
    kind: str,
    name: str,
    *,
    push_certificate: PushCertificate,
    issuer: ScepIssuer,
    display_name: str = "",
    quota: int | None = None,
    expires_at: datetime | None = None,
    serial_numbers: Sequence[str] = (),
    udids: Sequence[str] = (),
    blueprint_id: int | None = None,
    realm_id: int | None = None,
    realm_required: bool = False,
) -> Enrollment:
    """Make an enrollment; Refused with (field, why)."""
    _check_order(kind, name, push_certificate, quota)
    _check_blueprint(blueprint_id)
    people.check(kind, realm_id, required=realm_required)
    row = Enrollment(
        kind=kind,
        name=name,
        display_name=display_name or state().settings.organization or "Device management",
        quota=quota,
        expires_at=expires_at,
        serial_numbers=list(serial_numbers) or None,
        udids=list(udids) or None,
        push_certificate_id=push_certificate.id,
        scep_issuer_id=issuer.id,
        blueprint_id=blueprint_id,
        realm_id=realm_id,
        realm_required=realm_required,
    )
    row.push_certificate, row.scep_issuer = push_certificate, issuer
    _give_secrets(row)
    session().add(row)
    session().flush()
    events.record("enrollment.created", name=name, enrollment=row.id)
    return row


def _give_secrets(row: Enrollment) -> None:
    """What its link says; by hand, also what its profile says."""
    secret = new_secret()
    row.secret_hash = hashed(secret)
    vault.seal(row, "secret", secret.encode())
    if row.kind == MANUAL:
        challenge = new_secret()
        row.challenge_hash = hashed(challenge)
        vault.seal(row, "challenge", challenge.encode())


def update(row: Enrollment, changes: Mapping[str, Any]) -> None:
    """Change name, texts or limits, as in `create`; devices that are in stay in."""
    if "name" in changes and changes["name"] != row.name:
        _check_name(changes["name"])
    _check_blueprint(changes.get("blueprint_id"))
    if row.kind == ADE and not changes.keys().isdisjoint({"realm_id", "realm_required"}):
        raise Refused("realm", "Apple is told about it: change it with the ADE settings")
    people.check_changes(row, changes)
    if row.kind == ACCOUNT and (named := [name for name in _LISTS if changes.get(name)]):
        raise Refused(named[0], "is not known of a person's own device before it has enrolled")
    for column, value in changes.items():
        setattr(row, column, (list(value) or None) if column in _LISTS else value)
    session().flush()
    events.record("enrollment.changed", name=row.name, enrollment=row.id)


def delete(row: Enrollment) -> None:
    """Delete an enrollment that nobody ever began; Conflict once somebody has."""
    session().refresh(row, with_for_update={"of": Enrollment})
    begun = sa.select(EnrollmentSession.id).where(EnrollmentSession.enrollment_id == row.id)
    if session().scalar(begun.limit(1)) is not None:
        raise Conflict("devices have used this enrollment, and their history names it; revoke it")
    if row.kind == ADE:
        _forget_profiles(row)
    events.record("enrollment.deleted", name=row.name, enrollment=row.id)
    session().delete(row)
    session().flush()


def _forget_profiles(row: Enrollment) -> None:
    """Profiles at Apple that no device has; Conflict while one has, or is meant to have, one."""
    ours = sa.select(AdeProfile.profile_uuid).where(AdeProfile.enrollment_id == row.id)
    using = sa.or_(DepDevice.enrollment_id == row.id, DepDevice.profile_uuid.in_(ours))
    if session().scalar(sa.select(DepDevice.id).where(using).limit(1)) is not None:
        raise Conflict(
            "devices are assigned to this enrollment at Apple; assign them another first"
        )
    default = sa.select(DepVirtualServer.name).where(
        DepVirtualServer.default_enrollment_id == row.id
    )
    if (server := session().scalar(default.limit(1))) is not None:
        raise Conflict(f"it is the default enrollment of {server}")
    session().execute(sa.delete(AdeProfile).where(AdeProfile.enrollment_id == row.id))


def _check_order(
    kind: str, name: str, push_certificate: PushCertificate, quota: int | None
) -> None:
    if kind not in (*KINDS, ADE, ACCOUNT):
        raise Refused("kind", f"must be one of {', '.join(KINDS)}")
    if push_certificate.topic is None:
        raise Refused("push_certificate", "has no certificate yet, hence no topic")
    _check_name(name)
    if quota is not None and quota < 1:
        raise Refused("quota", "must be at least 1")


def _check_name(name: str) -> None:
    if session().scalar(sa.select(Enrollment.id).where(Enrollment.name == name)) is not None:
        raise Refused("name", "there is an enrollment with this name")


def _check_blueprint(blueprint_id: int | None) -> None:
    if blueprint_id is not None and session().get(MDMBlueprint, blueprint_id) is None:
        raise Refused("blueprint", "there is no such blueprint")


def revoke(row: Enrollment) -> None:
    """Let nobody in any more; devices that are in stay in."""
    if row.revoked_at is not None:
        raise Conflict("the enrollment is revoked already")
    row.revoked_at = utcnow()
    session().flush()
    # What it was the default for would go on to give new devices a profile that lets nobody in.
    default_of = session().scalars(
        sa.update(DepVirtualServer)
        .where(DepVirtualServer.default_enrollment_id == row.id)
        .values(default_enrollment_id=None)
        .returning(DepVirtualServer.name)
    )
    more: dict[str, Any] = {"default_of": names} if (names := list(default_of)) else {}
    events.record("enrollment.revoked", name=row.name, enrollment=row.id, **more)


def by_name(name: str) -> Enrollment:
    row = session().scalar(sa.select(Enrollment).where(Enrollment.name == name))
    if row is None:
        raise NotFound(f"there is no enrollment {name!r}")
    return row


def by_secret(secret: str, kind: str, *, lock: bool = False) -> Enrollment:
    """The enrollment of a link; NotFound says nothing about what else there is."""
    query = sa.select(Enrollment).where(
        Enrollment.secret_hash == hashed(secret), Enrollment.kind == kind
    )
    row = session().scalar(query.with_for_update(of=Enrollment) if lock else query)
    if row is None:
        raise NotFound("there is no such enrollment")
    return row


def link(row: Enrollment) -> str:
    """The URL that a person opens on the device (or that the profile is fetched from)."""
    secret = vault.unseal(row, "secret")
    assert secret is not None
    return f"{state().settings.base_url}/public/mdm/{row.kind}/{secret.decode()}/"


def check(row: Enrollment, *, serial_number: str | None = None, udid: str | None = None) -> None:
    """Raise EnrollmentRefused unless this enrollment admits (this device) now.

    None: not known yet; an empty text is a device that does not say it.
    """
    if row.revoked_at is not None:
        refuse(row, "the enrollment was revoked", serial_number=serial_number)
    if row.expires_at is not None and row.expires_at <= utcnow():
        refuse(row, "the enrollment has expired", serial_number=serial_number)
    if row.serial_numbers and serial_number is not None and serial_number not in row.serial_numbers:
        refuse(row, "the enrollment does not allow this serial number", serial_number=serial_number)
    if row.udids and udid is not None and udid not in row.udids:
        refuse(row, "the enrollment does not allow this UDID", serial_number=serial_number)
    unless_blocked(serial_number, udid)


def count(row: Enrollment) -> None:
    """Use up one of the quota, atomically; EnrollmentRefused when none is left."""
    result = (
        session()
        .execute(
            sa.update(Enrollment)
            .where(
                Enrollment.id == row.id,
                sa.or_(Enrollment.quota.is_(None), Enrollment.request_count < Enrollment.quota),
            )
            .values(request_count=Enrollment.request_count + 1)
            .returning(Enrollment.request_count),
            execution_options={"synchronize_session": False},
        )
        .scalar()
    )
    if result is None:
        refuse(row, "the enrollment's quota is used up")


def payload_identifier() -> str:
    """The top-level PayloadIdentifier of every enrollment profile of this deployment."""
    host = urlsplit(state().settings.base_url).hostname or "localhost"
    return ".".join(reversed(host.split("."))) + ".zmdm.enrollment"


def unless_blocked(serial_number: str | None, udid: str | None) -> None:
    """Raise EnrollmentRefused for a device that an operator blocked; `udid`: or EnrollmentID."""
    known_by = {
        Device.serial_number: serial_number,
        Device.udid: udid,
        Device.enrollment_uid: udid,
    }
    wanted = [column == value for column, value in known_by.items() if value]
    if not wanted:
        return
    blocked = session().scalar(
        sa.select(Device.id).where(sa.or_(*wanted), Device.blocked_at.is_not(None)).limit(1)
    )
    if blocked is not None:
        why = "an operator blocked this device"
        raise EnrollmentRefused(
            why, trace=lambda: events.record("enrollment.refused", device=blocked, why=why)
        )


def refuse(row: Enrollment, why: str, *, serial_number: str | None = None) -> NoReturn:
    """Raise EnrollmentRefused; the reason is kept as an event after the rollback."""
    name, ident = row.name, row.id

    def trace() -> None:
        events.record(
            "enrollment.refused", enrollment=ident, name=name, serial_number=serial_number, why=why
        )

    raise EnrollmentRefused(why, trace=trace)
