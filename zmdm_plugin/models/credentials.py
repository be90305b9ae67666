"""Push certificates, the built-in CA, what it issued, and issuers that stand elsewhere."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from zmdm_plugin.models.base import Row, sealed


class PushCertificate(Row):
    """What Apple lets us wake devices with; the topic may never change once devices use it."""

    __tablename__ = "zmdm_push_certificate"

    name: Mapped[str] = mapped_column(sa.String(256), unique=True)
    topic: Mapped[str | None] = mapped_column(sa.String(256), unique=True)
    certificate: Mapped[str | None] = mapped_column(sa.Text())
    """PEM, the chain behind it if the file had one."""
    private_key: Mapped[str | None] = sealed("push_certificate.private_key")
    not_before: Mapped[datetime | None]
    not_after: Mapped[datetime | None]
    taken_at: Mapped[datetime | None]
    """Since when we have this certificate: what Apple refused before is tried again with it."""
    broken_at: Mapped[datetime | None]
    """Since when Apple refuses this certificate (403 or TLS); pushes rest until it is renewed."""
    broken_reason: Mapped[str | None] = mapped_column(sa.String(256))
    retry_at: Mapped[datetime | None]


class CertificateAuthority(Row):
    """The built-in SCEP CA; a renewed one gets a row of its own and the old stays trusted."""

    __tablename__ = "zmdm_certificate_authority"

    name: Mapped[str] = mapped_column(sa.String(128))
    generation: Mapped[int] = mapped_column(default=1)
    certificate: Mapped[bytes]
    """DER."""
    fingerprint: Mapped[str] = mapped_column(sa.String(64), unique=True)
    private_key: Mapped[str | None] = sealed("certificate_authority.private_key")
    not_before: Mapped[datetime]
    not_after: Mapped[datetime]
    issuing: Mapped[bool] = mapped_column(default=True)
    """The one generation that signs; the others only verify what they issued."""
    issues_from: Mapped[datetime | None]
    """Of a successor that lies ready: when it takes over, at the latest."""


class ScepIssuer(Row):
    """Where a profile sends its device for an identity: our CA, or a SCEP service elsewhere."""

    __tablename__ = "zmdm_scep_issuer"

    name: Mapped[str] = mapped_column(sa.String(128), unique=True)
    kind: Mapped[str] = mapped_column(sa.String(16), default="builtin")
    """builtin | external"""
    url: Mapped[str | None] = mapped_column(sa.String(2000))
    challenge: Mapped[str | None] = sealed("scep_issuer.challenge")
    key_size: Mapped[int] = mapped_column(default=2048)
    key_usage: Mapped[int] = mapped_column(default=5)
    """Apple's bits: 1 sign, 4 encrypt."""
    ca_name: Mapped[str | None] = mapped_column(sa.String(256))
    """The SCEP instance name that some servers ask for (`Name` of the payload)."""
    ca_fingerprint: Mapped[str | None] = mapped_column(sa.String(128))


class IssuedCertificate(Row):
    """Every certificate the built-in CA signed, and which challenge of a session it answered."""

    __tablename__ = "zmdm_issued_certificate"
    __table_args__ = (sa.UniqueConstraint("session_id", "challenge_hash", "key_hash"),)

    ca_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_certificate_authority.id"))
    session_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("zmdm_enrollment_session.id"), index=True
    )
    slot: Mapped[str] = mapped_column(sa.String(16), default="mdm")
    """What it is for: ota (the second step over the air alone) | mdm."""
    challenge_hash: Mapped[str] = mapped_column(sa.String(64))
    """The challenge it answered: a one-time challenge gives one certificate."""
    transaction_id: Mapped[str] = mapped_column(sa.String(256))
    key_hash: Mapped[str] = mapped_column(sa.String(64))
    """SHA-256 of the SubjectPublicKeyInfo, hex."""
    serial: Mapped[str] = mapped_column(sa.String(64))
    fingerprint: Mapped[str] = mapped_column(sa.String(64), unique=True)
    certificate: Mapped[bytes]
    not_before: Mapped[datetime]
    not_after: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
