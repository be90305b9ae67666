"""Who a device is: certificates pinned to devices by fingerprint.

An edge proves that the sender holds a certificate's key (`Evidence`); here that certificate leads
to a device. The chain is looked at once, when a certificate is bound; from then on the pinned
fingerprint counts, so that no removed, rotated or expired issuer locks anybody out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict, IdentityError, NotFound
from zmdm_plugin.models import (
    Channel,
    Device,
    EnrollmentSession,
    Event,
    Identity,
    IssuedCertificate,
    UnboundIdentity,
)
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol.who import Who
from zmdm_plugin.services import channels, events, returning, trust
from zmdm_plugin.state import state

_REPORT_AGAIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Proof that the sender holds the key of this certificate, made by an edge."""

    certificate: bytes
    """DER."""
    fingerprint: str
    """SHA-256 of the DER, hex, lower case."""
    not_before: datetime
    not_after: datetime
    vouched: bool = False
    """A proxy's word, although ZMDM_MTLS_PROXY is off: good for devices that do not sign alone."""

    def expired(self, now: datetime) -> bool:
        return now > self.not_after


@dataclass(frozen=True, slots=True)
class Known:
    """A pinned certificate, its device, and the session it was bound through."""

    identity: Identity
    device: Device

    @property
    def pending(self) -> bool:
        """Bound by Authenticate; in effect with the first TokenUpdate only."""
        return self.identity.state == "pending"

    @property
    def session_id(self) -> int | None:
        return self.identity.session_id


def known(evidence: Evidence, who: Who, *, lock: bool = False) -> Known | None:
    """The device that this certificate is pinned to; None if it is pinned to none.

    IdentityError when the certificate is retired, or belongs to another device than the body says.
    """
    statement = (
        sa.select(Identity, Device)
        .join(Device, Device.id == Identity.device_id)
        .where(Identity.fingerprint == evidence.fingerprint)
    )
    if lock:
        pinned = sa.select(Identity.device_id).where(Identity.fingerprint == evidence.fingerprint)
        channels.hold_devices(session().scalars(pinned).all())
        statement = statement.execution_options(populate_existing=True)
    row = session().execute(statement).one_or_none()
    if row is None:
        return None
    identity, device = row
    if identity.state == "retired" or _has_passed(identity.retire_at):
        raise IdentityError(
            "this certificate was replaced by a newer one of the same device",
            trace=lambda: _report("identity.retired", device.id, evidence, who),
        )
    if not _speaks_for(identity, device, who):
        raise IdentityError(
            "this certificate belongs to another device",
            trace=lambda: _report("identity.mismatch", device.id, evidence, who),
        )
    found = Known(identity, device)
    check_voucher(evidence, _payload(found))
    return found


def require(evidence: Evidence, who: Who, *, lock: bool = False) -> Known:
    """Like `known`, for messages that may not bind anything: an unknown certificate is refused."""
    found = known(evidence, who, lock=lock)
    if found is not None:
        return found
    raise IdentityError(
        "this certificate is not pinned to any device; enroll first",
        trace=lambda: list_unbound(evidence, who, reason="unknown_session"),
    )


def device_of(evidence: Evidence) -> Device:
    """The device of a pinned certificate, for messages that do not say whose they are."""
    device = session().scalar(
        sa.select(Device)
        .join(Identity, Identity.device_id == Device.id)
        .where(Identity.fingerprint == evidence.fingerprint, Identity.state != "retired")
    )
    if device is None:
        raise IdentityError("the message does not say which device it is from")
    check_voucher(evidence, device.payload)
    return device


def check_voucher(evidence: Evidence, payload: Mapping[str, Any] | None) -> None:
    """While no mTLS front is configured, a header speaks only for who enrolled through one.

    Such a device was told not to sign and cannot prove itself otherwise; one that signs would be
    open to whoever gets a header past a proxy that was never meant to guard it.
    """
    if evidence.vouched and (payload or {}).get("sign_message", True):
        raise IdentityError("this device has to sign, and ZMDM_MTLS_PROXY is off")


def session_of(evidence: Evidence) -> EnrollmentSession | None:
    """The enrollment session that a new certificate was issued for.

    Ours are found by what the built-in CA recorded; those of external issuers by the random value
    in their subject, after their chain was verified.
    """
    issued = session().scalar(
        sa.select(IssuedCertificate).where(
            IssuedCertificate.fingerprint == evidence.fingerprint,
            IssuedCertificate.slot == "mdm",
            IssuedCertificate.revoked_at.is_(None),
        )
    )
    if issued is not None:
        return session().get(EnrollmentSession, issued.session_id) if issued.session_id else None
    token = trust.external_subject_token(evidence.certificate, at=utcnow())
    if token is None:
        return None
    return session().scalar(
        sa.select(EnrollmentSession).where(EnrollmentSession.subject_token == token)
    )


def bind(
    evidence: Evidence, device: Device, enrollment_session: EnrollmentSession | None
) -> Identity:
    """Pin a certificate to a device, not yet in effect."""
    identity = Identity(
        device_id=device.id,
        session_id=enrollment_session.id if enrollment_session else None,
        fingerprint=evidence.fingerprint,
        certificate=evidence.certificate,
        state="pending",
        not_before=evidence.not_before,
        not_after=evidence.not_after,
    )
    session().add(identity)
    session().flush()
    return identity


def retire_others(device: Device, identity: Identity, *, at: datetime) -> None:
    """End the device's other certificates at a moment: now, or after a renewal's grace."""
    others = session().scalars(
        sa.select(Identity).where(
            Identity.device_id == device.id,
            Identity.id != identity.id,
            Identity.state != "retired",
        )
    )
    now = utcnow()
    for other in others:
        if at <= now:
            other.state, other.retired_at = "retired", now
        elif other.retire_at is None or other.retire_at > at:
            other.retire_at = at


def grace() -> timedelta:
    """How long the former identity of a renewed device goes on working."""
    return timedelta(days=state().settings.identity_grace_days)


def list_unbound(
    evidence: Evidence,
    who: Who,
    *,
    reason: str,
    session_id: int | None = None,
    serial_number: str | None = None,
) -> None:
    """Keep a certificate of an issuer of ours that we cannot place, so that a person can.

    After a restored database the certificates issued since are unknown; they are never released.
    A certificate of nobody's, or one whose session we know, leaves no trace but the refusal.
    """
    if session_id is None and not _is_lost(evidence):
        return
    row = _listed(evidence, who, reason=reason)
    row.serial_number = serial_number or row.serial_number
    row.session_id = session_id or row.session_id
    row.reason = reason
    row.seen_count += 1
    row.last_seen_at = utcnow()


def _is_lost(evidence: Evidence) -> bool:
    """Whether an issuer of ours signed a certificate that no record of ours remembers."""
    issued = session().scalar(
        sa.select(IssuedCertificate.id).where(IssuedCertificate.fingerprint == evidence.fingerprint)
    )
    return issued is None and trust.is_ours(evidence.certificate, at=utcnow())


def _listed(evidence: Evidence, who: Who, *, reason: str) -> UnboundIdentity:
    """The row of this certificate; a device that tries again with new keys keeps its one row."""
    device = find_device(who)
    same = UnboundIdentity.fingerprint == evidence.fingerprint
    if reason == "wants_to_reenroll" and device is not None:
        same = sa.or_(
            same,
            sa.and_(UnboundIdentity.device_id == device.id, UnboundIdentity.reason == reason),
        )
    row = session().scalar(sa.select(UnboundIdentity).where(same).limit(1))
    if row is None:
        row = UnboundIdentity(reason=reason, seen_count=0)
        session().add(row)
    row.fingerprint, row.certificate = evidence.fingerprint, evidence.certificate
    row.udid, row.device_id = who.device_key, device.id if device else None
    return row


def find_device(who: Who) -> Device | None:
    """The device with these identifiers, whatever its state."""
    return session().scalar(
        sa.select(Device).where(
            Device.udid == who.udid if who.udid else Device.enrollment_uid == who.enrollment_id
        )
    )


def adopt(unbound: UnboundIdentity) -> Device:
    """Bind a certificate that a restored database does not know; an operator vouches for it."""
    names = (Device.udid, Device.enrollment_uid)
    device = session().scalar(
        sa.select(Device).where(sa.or_(*(name == (unbound.udid or "") for name in names)))
    )
    if device is None:
        raise NotFound("no device with this UDID is known; let the device enroll anew")
    if device.blocked_at is not None:
        raise Conflict("the device is blocked; unblock it first")
    channels.hold_devices([device.id])
    session().add(
        Identity(
            device_id=device.id,
            session_id=device.session_id,
            fingerprint=unbound.fingerprint,
            certificate=unbound.certificate,
            state="active",
            adopted=True,
            **trust.validity(unbound.certificate),
        )
    )
    session().execute(
        sa.update(Channel).where(Channel.device_id == device.id).values(ended_at=None)
    )
    device.checkout_at = None
    returning.came_back(device)
    session().delete(unbound)
    events.record("identity.adopted", device=device, fingerprint=unbound.fingerprint)
    return device


def allow_again(unbound: UnboundIdentity) -> None:
    """Let a device that is in use enroll anew with the by-hand profile it came with."""
    unbound.approved_at = utcnow()
    events.record(
        "identity.reenroll_allowed", device=unbound.device_id, fingerprint=unbound.fingerprint
    )


def _speaks_for(identity: Identity, device: Device, who: Who) -> bool:
    """Whether the body names the device of the certificate, or the one its session is about."""
    if who.device_key in (device.udid, device.enrollment_uid):
        return True
    if identity.state != "pending" or identity.session_id is None:
        return False
    passing = session().get(EnrollmentSession, identity.session_id)
    return passing is not None and passing.udid == who.device_key


def _payload(found: Known) -> dict[str, Any] | None:
    """What the profile of this certificate said: the session's, until it is the device's."""
    if found.pending and found.session_id is not None:
        passing = session().get(EnrollmentSession, found.session_id)
        return passing.payload if passing else None
    return found.device.payload


def _has_passed(moment: datetime | None) -> bool:
    return moment is not None and moment <= utcnow()


def _report(kind: str, device_id: int, evidence: Evidence, who: Who) -> None:
    """One event an hour per device and kind: a device repeats what was refused for ever."""
    recent = session().scalar(
        sa.select(Event.id).where(
            Event.device_id == device_id,
            Event.kind == kind,
            Event.created_at > utcnow() - _REPORT_AGAIN,
        )
    )
    if recent is None:
        events.record(
            kind, device=device_id, fingerprint=evidence.fingerprint, claimed=who.device_key
        )
