"""Devices, the certificates that identify them, and certificates that nobody could place."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship

from zmdm_plugin.models.base import Base, Row, sealed
from zmdm_plugin.models.enrollments import EnrollmentSession
from zmdm_plugin.models.realms import RealmUser

_SEARCHED = "lower({})".format(
    " || ' ' || ".join(
        f"coalesce({column}, '')"
        for column in ("name", "serial_number", "udid", "imei", "model", "model_name")
    )
)


class Device(Row):
    """The hardware we manage; it keeps its row through every enrollment it ever passes."""

    __tablename__ = "zmdm_device"
    __table_args__ = (
        sa.Index("ix_zmdm_device_platform_id", "platform", "id"),
        sa.Index("ix_zmdm_device_name_id", "name", "id"),
        sa.Index("ix_zmdm_device_seen_hour_id", "seen_hour", "id"),
        sa.Index("ix_zmdm_device_enrolled_at", "enrolled_at"),
        sa.Index(
            "ix_zmdm_device_archived",
            "id",
            postgresql_where=sa.text("archived_at IS NOT NULL"),
            sqlite_where=sa.text("archived_at IS NOT NULL"),
        ),
    )

    udid: Mapped[str | None] = mapped_column(sa.String(128), unique=True)
    enrollment_uid: Mapped[str | None] = mapped_column(sa.String(128), unique=True)
    """Apple's EnrollmentID, of a user enrollment, which tells no UDID."""
    serial_number: Mapped[str | None] = mapped_column(sa.String(128), index=True)
    name: Mapped[str | None] = mapped_column(sa.String(256))
    model: Mapped[str | None] = mapped_column(sa.String(128))
    """Hardware identifier, e.g. MacBookPro18,3."""
    model_name: Mapped[str | None] = mapped_column(sa.String(128))
    platform: Mapped[str | None] = mapped_column(sa.String(16))
    os_version: Mapped[str | None] = mapped_column(sa.String(64))
    os_version_extra: Mapped[str | None] = mapped_column(sa.String(64))
    build_version: Mapped[str | None] = mapped_column(sa.String(64))
    build_version_extra: Mapped[str | None] = mapped_column(sa.String(64))
    apple_silicon: Mapped[bool | None]

    session_id: Mapped[int | None] = mapped_column(index=True)
    """The session whose first TokenUpdate took effect; no foreign key, for a session has one to
    its device, and SQLite cannot add the second of a circle."""
    push_certificate_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("zmdm_push_certificate.id"), index=True
    )
    blueprint_id: Mapped[int | None] = mapped_column(index=True)
    """No foreign key: SQLite would have to rebuild this table, which its computed column forbids;
    a blueprint is deleted only while no device has it."""
    blueprint_actor_id: Mapped[str | None] = mapped_column(sa.String(128))
    """Who chose the blueprint; NULL: it came with the enrollment."""
    realm_user_id: Mapped[int | None] = mapped_column(index=True)
    """Who signed in when it enrolled; no foreign key, as above: people with devices stay."""
    payload: Mapped[dict[str, Any] | None]
    """What the device enrolled with; a renewal may not change it."""
    enrolled_at: Mapped[datetime | None]
    checkout_at: Mapped[datetime | None]
    blocked_at: Mapped[datetime | None]
    leaving_at: Mapped[datetime | None]
    """Since when an operator wants it out: until it has left, or has refused to."""
    leave_failure: Mapped[str | None] = mapped_column(sa.String(500))
    """Why it did not leave, as it said when it was last asked to."""
    released_at: Mapped[datetime | None]
    """An operator no longer counts on it: told to leave, should it come by; may enroll again."""
    archived_at: Mapped[datetime | None]
    """No longer in use: in no list, count or bulk but by name, with all its history."""
    locked_at: Mapped[datetime | None]
    """Since when a Mac waits for the PIN that it was locked with, as far as we know."""
    seen_hour: Mapped[datetime | None]
    """Start of the hour it was last seen in: lists filter and sort by it, polls seldom write it."""

    awaiting_configuration: Mapped[bool | None]
    declarative_management: Mapped[bool] = mapped_column(default=False)
    dep_enrollment: Mapped[bool | None]
    user_enrollment: Mapped[bool | None]
    user_approved_enrollment: Mapped[bool | None]
    supervised: Mapped[bool | None]
    shared_ipad: Mapped[bool | None]
    activation_lock_manageable: Mapped[bool | None]
    filevault_enabled: Mapped[bool | None]
    passcode_present: Mapped[bool | None]
    passcode_compliant: Mapped[bool | None]
    firewall_enabled: Mapped[bool | None]
    sip_enabled: Mapped[bool | None]
    pin_required_for_erase: Mapped[bool | None]
    pin_required_for_lock: Mapped[bool | None]
    bootstrap_token_allowed: Mapped[str | None] = mapped_column(sa.String(32))
    """allowed | disallowed | not supported: for authentication."""
    bootstrap_token_for_updates: Mapped[bool | None]
    bootstrap_token_for_kexts: Mapped[bool | None]
    filevault_has_prk: Mapped[bool | None]
    filevault_has_irk: Mapped[bool | None]
    passcode_compliant_with_profiles: Mapped[bool | None]
    hardware_encryption: Mapped[int | None]
    firewall_blocks_all: Mapped[bool | None]
    firewall_stealth: Mapped[bool | None]
    firmware_password_set: Mapped[bool | None]
    firmware_password_pending: Mapped[bool | None]
    recovery_lock_enabled: Mapped[bool | None]
    remote_desktop_enabled: Mapped[bool | None]
    authenticated_root_volume: Mapped[bool | None]
    secure_boot_level: Mapped[str | None] = mapped_column(sa.String(32))
    external_boot_level: Mapped[str | None] = mapped_column(sa.String(32))
    activation_lock_enabled: Mapped[bool | None]
    lost_mode: Mapped[bool | None]
    imei: Mapped[str | None] = mapped_column(sa.String(64), index=True)
    meid: Mapped[str | None] = mapped_column(sa.String(64))
    wifi_mac: Mapped[str | None] = mapped_column(sa.String(64))
    bluetooth_mac: Mapped[str | None] = mapped_column(sa.String(64))
    ethernet_mac: Mapped[str | None] = mapped_column(sa.String(64))
    phone_number: Mapped[str | None] = mapped_column(sa.String(64))
    host_name: Mapped[str | None] = mapped_column(sa.String(256))
    time_zone: Mapped[str | None] = mapped_column(sa.String(64))
    local_host_name: Mapped[str | None] = mapped_column(sa.String(256))
    capacity: Mapped[float | None]
    """In GiB, as devices say it."""
    capacity_available: Mapped[float | None]
    battery_level: Mapped[float | None]
    """0 to 1."""
    last_cloud_backup_at: Mapped[datetime | None]
    software_update_device_id: Mapped[str | None] = mapped_column(sa.String(128))
    provisioning_udid: Mapped[str | None] = mapped_column(sa.String(128))
    model_number: Mapped[str | None] = mapped_column(sa.String(128))

    search_text: Mapped[str] = mapped_column(sa.Computed(_SEARCHED, persisted=True), deferred=True)
    """What free text is looked for in: one comparison per row instead of six."""

    device_information: Mapped[dict[str, Any] | None] = mapped_column(deferred=True)
    device_information_at: Mapped[datetime | None]
    security_info: Mapped[dict[str, Any] | None] = mapped_column(deferred=True)
    security_info_at: Mapped[datetime | None]
    applications_at: Mapped[datetime | None]
    certificates_at: Mapped[datetime | None]
    local_users: Mapped[list[Any] | None] = mapped_column(deferred=True)
    """Accounts of a Mac or a Shared iPad, as UserList told them."""
    local_users_at: Mapped[datetime | None]
    profiles_at: Mapped[datetime | None]

    unlock_token: Mapped[str | None] = sealed("device.unlock_token")
    bootstrap_token: Mapped[str | None] = sealed("device.bootstrap_token")
    unlock_token_escrowed: Mapped[bool] = mapped_column(default=False)
    bootstrap_token_escrowed: Mapped[bool] = mapped_column(default=False)

    @hybrid_property
    def dismissed(self) -> bool:
        """Whether an operator blocked or released it, so that every door tells it to leave."""
        return self.blocked_at is not None or self.released_at is not None

    @dismissed.inplace.expression
    @classmethod
    def _dismissed(cls) -> sa.ColumnElement[bool]:
        return sa.or_(cls.blocked_at.is_not(None), cls.released_at.is_not(None))

    session: Mapped[EnrollmentSession | None] = relationship(
        primaryjoin="foreign(Device.session_id) == EnrollmentSession.id"
    )
    realm_user: Mapped[RealmUser | None] = relationship(
        primaryjoin="foreign(Device.realm_user_id) == RealmUser.id"
    )


class Identity(Row):
    """A certificate pinned to a device: its fingerprint counts, whatever became of its issuer."""

    __tablename__ = "zmdm_identity"
    __table_args__ = (
        sa.Index("ix_zmdm_identity_device_id_state", "device_id", "state"),
        sa.Index("ix_zmdm_identity_not_after_id", "not_after", "id"),
        sa.Index(
            "ix_zmdm_identity_renewal_state",
            "renewal_state",
            "not_after",
            "id",
            postgresql_where=sa.text("renewal_state IS NOT NULL"),
            sqlite_where=sa.text("renewal_state IS NOT NULL"),
        ),
        sa.Index(
            "ix_zmdm_identity_overdue",
            "not_after",
            "id",
            postgresql_where=sa.text("renewal_overdue_at IS NOT NULL"),
            sqlite_where=sa.text("renewal_overdue_at IS NOT NULL"),
        ),
    )

    device_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_device.id"))
    session_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("zmdm_enrollment_session.id"), index=True
    )
    fingerprint: Mapped[str] = mapped_column(sa.String(64), unique=True)
    """SHA-256 of the DER certificate, hex."""
    certificate: Mapped[bytes] = mapped_column(deferred=True)
    state: Mapped[str] = mapped_column(sa.String(16))
    """pending (until the first TokenUpdate) | active | retired"""
    not_before: Mapped[datetime]
    not_after: Mapped[datetime]
    retire_at: Mapped[datetime | None]
    """The former identity of a renewed device works until then."""
    retired_at: Mapped[datetime | None]
    adopted: Mapped[bool] = mapped_column(default=False)
    """Bound by `flask zmdm identity adopt`, after a restored database."""

    renewal_state: Mapped[str | None] = mapped_column(sa.String(16))
    """How far its replacement is. NULL: not begun | ordered | put_off (NotNow) | taken (the profile
    is acknowledged, the new identity not yet in use) | failed (tried again) | done | cancelled."""
    renewal_session_id: Mapped[int | None]
    """The session of the last attempt."""
    renewal_attempts: Mapped[int] = mapped_column(default=0)
    renewal_since: Mapped[datetime | None]
    """Since when it is in this state."""
    renewal_next_at: Mapped[datetime | None]
    """When it is tried again, at the earliest."""
    renewal_failure: Mapped[str | None] = mapped_column(sa.String(500))
    """Why the last attempt failed, in words."""
    renewal_overdue_at: Mapped[datetime | None]
    """When it was said that half of the time for it has passed; once per identity."""


class UnboundIdentity(Row):
    """A certificate of an issuer of ours that we could not place: listed, never released."""

    __tablename__ = "zmdm_unbound_identity"

    fingerprint: Mapped[str] = mapped_column(sa.String(64), unique=True)
    certificate: Mapped[bytes] = mapped_column(deferred=True)
    device_id: Mapped[int | None] = mapped_column(sa.ForeignKey("zmdm_device.id"), index=True)
    session_id: Mapped[int | None] = mapped_column(sa.ForeignKey("zmdm_enrollment_session.id"))
    udid: Mapped[str | None] = mapped_column(sa.String(128))
    serial_number: Mapped[str | None] = mapped_column(sa.String(128))
    reason: Mapped[str] = mapped_column(sa.String(32))
    """unknown_session (a restored database) | wants_to_reenroll"""
    last_seen_at: Mapped[datetime]
    seen_count: Mapped[int] = mapped_column(default=1)
    approved_at: Mapped[datetime | None]


class InstalledApplication(Base):
    """What a channel said is installed; brought up to date by each InstalledApplicationList."""

    __tablename__ = "zmdm_installed_application"
    __table_args__ = (
        sa.Index("ix_zmdm_installed_application_identifier", "identifier", "version"),
        sa.Index("ix_zmdm_installed_application_where", "application_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    channel_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_channel.id"), index=True)
    identifier: Mapped[str | None] = mapped_column(sa.String(512))
    name: Mapped[str | None] = mapped_column(sa.String(512), index=True)
    version: Mapped[str | None] = mapped_column(sa.String(128))
    short_version: Mapped[str | None] = mapped_column(sa.String(128))
    bundle_size: Mapped[int | None]
    facts: Mapped[dict[str, Any] | None]
    application_id: Mapped[int | None] = mapped_column(sa.ForeignKey("zmdm_application.id"))
    """The same application in the same version, wherever it is installed."""
    managed: Mapped[str | None] = mapped_column(sa.String(32))
    """Apple's state of a managed app (managed, queued, …); NULL: not managed, or nobody said."""
    source: Mapped[str | None] = mapped_column(sa.String(16))
    """list | managed | status: what told of it last"""
    seen_at: Mapped[datetime | None]


class Application(Base):
    """An application in one version, of which some device said that it has it."""

    __tablename__ = "zmdm_application"

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(sa.String(64), unique=True)
    """Of all that follows, hex: what makes it the same."""
    identifier: Mapped[str] = mapped_column(sa.String(512), index=True)
    name: Mapped[str] = mapped_column(sa.String(512), index=True)
    version: Mapped[str] = mapped_column(sa.String(128))
    short_version: Mapped[str] = mapped_column(sa.String(128))
    search: Mapped[str] = mapped_column(sa.String(1100))
    """Name and identifier in lower case."""
    installed: Mapped[int] = mapped_column(default=0, server_default=sa.text("0"))
    """On how many channels it is, as a job counted; 0 where these are so few that they are counted
    when somebody asks."""


class InstalledCertificate(Base):
    __tablename__ = "zmdm_installed_certificate"

    id: Mapped[int] = mapped_column(primary_key=True)
    channel_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_channel.id"), index=True)
    common_name: Mapped[str | None] = mapped_column(sa.String(512), index=True)
    is_identity: Mapped[bool | None]
    fingerprint: Mapped[str] = mapped_column(sa.String(64), index=True)
    subject: Mapped[str | None] = mapped_column(sa.String(1024))
    issuer: Mapped[str | None] = mapped_column(sa.String(1024))
    not_before: Mapped[datetime | None]
    not_after: Mapped[datetime | None]


class InstalledProfile(Base):
    __tablename__ = "zmdm_installed_profile"

    id: Mapped[int] = mapped_column(primary_key=True)
    channel_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_channel.id"), index=True)
    identifier: Mapped[str | None] = mapped_column(sa.String(512), index=True)
    payload_uuid: Mapped[str | None] = mapped_column(sa.String(128))
    display_name: Mapped[str | None] = mapped_column(sa.String(512))
    is_managed: Mapped[bool | None]
    is_encrypted: Mapped[bool | None]
    removal_disallowed: Mapped[bool | None]
    payloads: Mapped[list[Any] | None]
