"""Enrollments (what a device enrolls through) and sessions (one device passing through one)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from zmdm_plugin.models.base import Row, sealed
from zmdm_plugin.models.credentials import PushCertificate, ScepIssuer
from zmdm_plugin.models.realms import Realm, RealmUser

if TYPE_CHECKING:
    from zmdm_plugin.models.ade import AdeSettings


class Enrollment(Row):
    """The configuration that devices enroll through; `kind` says how they come by it."""

    __tablename__ = "zmdm_enrollment"

    kind: Mapped[str] = mapped_column(sa.String(16))
    """ota | ade (Automated Device Enrollment) | manual (by hand: Configurator, lab, load test)"""
    name: Mapped[str] = mapped_column(sa.String(128), unique=True)
    display_name: Mapped[str] = mapped_column(sa.String(128))
    push_certificate_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_push_certificate.id"))
    scep_issuer_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_scep_issuer.id"))
    blueprint_id: Mapped[int | None] = mapped_column(sa.ForeignKey("zmdm_blueprint.id"), index=True)
    """What a device gets with its first TokenUpdate."""
    realm_id: Mapped[int | None] = mapped_column(sa.ForeignKey("zmdm_realm.id"), index=True)
    """Where the person at the device may sign in."""
    realm_required: Mapped[bool] = mapped_column(default=False)
    """Whether they must: no device comes in on any way that went around it."""
    secret_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    """SHA-256 of the secret in the enrollment's link, hex: what a request is looked up by."""
    secret: Mapped[str | None] = sealed("enrollment.secret")
    challenge_hash: Mapped[str | None] = mapped_column(sa.String(64), unique=True)
    """Manual only: SHA-256 of the counted SCEP challenge in the profile, hex."""
    challenge: Mapped[str | None] = sealed("enrollment.challenge")
    payloads: Mapped[list[Any] | None]
    """Manual only: every wording of the MDM payload that was given out, for a device keeps the one
    it enrolled with; a challenge ends with the number of its wording."""
    quota: Mapped[int | None]
    request_count: Mapped[int] = mapped_column(default=0)
    serial_numbers: Mapped[list[str] | None]
    udids: Mapped[list[str] | None]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    push_certificate: Mapped[PushCertificate] = relationship(lazy="joined", innerjoin=True)
    scep_issuer: Mapped[ScepIssuer] = relationship(lazy="joined", innerjoin=True)
    ade: Mapped[AdeSettings | None] = relationship(
        back_populates="enrollment", cascade="all, delete-orphan"
    )
    """Of kind `ade` only, where it is always there."""
    realm: Mapped[Realm | None] = relationship()


class EnrollmentSession(Row):
    """One device passing through one enrollment; wrong steps are refused and remembered here.

    States: started (ota: phase 1 given) -> described (device-signed attributes taken)
    -> profiled (MDM profile given) -> authenticated -> completed; failed, superseded, cancelled.
    """

    __tablename__ = "zmdm_enrollment_session"
    __table_args__ = (
        sa.Index("ix_zmdm_enrollment_session_created_at", "created_at"),
        sa.Index("ix_zmdm_enrollment_session_kind_state", "kind", "state"),
    )

    enrollment_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_enrollment.id"), index=True)
    device_id: Mapped[int | None] = mapped_column(sa.ForeignKey("zmdm_device.id"), index=True)
    realm_user_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("zmdm_realm_user.id"), index=True
    )
    """Who signed in for it."""
    kind: Mapped[str] = mapped_column(sa.String(16))
    """ota | ade | manual | account | renewal | return (after it was erased by us)"""
    state: Mapped[str] = mapped_column(sa.String(16))
    serial_number: Mapped[str | None] = mapped_column(sa.String(128))
    udid: Mapped[str | None] = mapped_column(sa.String(128))
    product: Mapped[str | None] = mapped_column(sa.String(128))
    os_version: Mapped[str | None] = mapped_column(sa.String(128))
    ota_challenge_hash: Mapped[str | None] = mapped_column(sa.String(64), unique=True)
    """SHA-256 of the SCEP challenge of phase 2, hex."""
    mdm_challenge_hash: Mapped[str | None] = mapped_column(sa.String(64), unique=True)
    """SHA-256 of the SCEP challenge in the MDM profile, hex."""
    ota_challenge: Mapped[str | None] = sealed("session.ota_challenge")
    mdm_challenge: Mapped[str | None] = sealed("session.mdm_challenge")
    subject_token: Mapped[str | None] = mapped_column(sa.String(64), unique=True)
    """Random value in the certificate's subject: matches an external issuer's certificate."""
    payload: Mapped[dict[str, Any] | None]
    """What the MDM payload given to this device said: topic, URLs, rights, identifiers."""
    claims: Mapped[dict[str, Any] | None]
    """What the device said of itself in Authenticate; takes effect with its first TokenUpdate."""
    expires_at: Mapped[datetime | None]
    authenticated_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    failure: Mapped[str | None] = mapped_column(sa.String(500))
    """The last step that was refused, and why, in words."""
    failed_at: Mapped[datetime | None]

    enrollment: Mapped[Enrollment] = relationship(lazy="joined", innerjoin=True)
    realm_user: Mapped[RealmUser | None] = relationship()
