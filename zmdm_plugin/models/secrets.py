"""Secrets of devices, what they are kept for, and how the work on them stands."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from zmdm_plugin.models.base import Base, Row, sealed

SECRET_STATES = ("pending", "confirmed", "superseded", "refused")


class DeviceSecret(Row):
    """A version of a device's secret. None is ever overwritten: a disk may still need an old one.

    pending (the device may have it) -> confirmed -> superseded; pending -> refused.
    """

    __tablename__ = "zmdm_device_secret"
    __table_args__ = (sa.Index("ix_zmdm_device_secret_device_id_kind", "device_id", "kind", "id"),)

    device_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_device.id"))
    kind: Mapped[str] = mapped_column(sa.String(32))
    """A name in services.vault.KINDS."""
    value: Mapped[str | None] = sealed("device_secret.value")
    state: Mapped[str] = mapped_column(sa.String(16))
    """One of SECRET_STATES."""
    command_uuid: Mapped[str | None] = mapped_column(sa.String(36), index=True)
    """The command that carried it, or whose answer brought it."""
    origin: Mapped[str | None] = mapped_column(sa.String(80))
    """The digest of the configuration that asked for it."""
    taken_at: Mapped[datetime | None]
    """The device has it, but not in force yet: a firmware password waits for a restart."""
    confirmed_at: Mapped[datetime | None]
    verified_at: Mapped[datetime | None]
    """When the device last proved that it holds."""
    doubted_at: Mapped[datetime | None]
    """Since when the device says that it is wrong."""
    revealed_at: Mapped[datetime | None]
    rotate_at: Mapped[datetime | None]
    """It was revealed: another one is due then."""
    superseded_at: Mapped[datetime | None]


class EscrowKey(Row):
    """A key that FileVault recovery keys are encrypted to; kept for ever, for devices keep using
    the certificate that was installed when they were told."""

    __tablename__ = "zmdm_escrow_key"

    device_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_device.id"), index=True)
    certificate: Mapped[bytes]
    """DER."""
    private_key: Mapped[str | None] = sealed("escrow_key.private_key")
    not_after: Mapped[datetime]


class FileVaultConfig(Row):
    """How the disks of a blueprint's Macs are encrypted, and what happens to their keys."""

    __tablename__ = "zmdm_filevault_config"

    name: Mapped[str] = mapped_column(sa.String(256), unique=True)
    escrow_location_display_name: Mapped[str] = mapped_column(sa.String(256))
    """What people are told about where the recovery key goes."""
    at_login_only: Mapped[bool] = mapped_column(default=False)
    """Ask at login only, not at logout."""
    bypass_attempts: Mapped[int] = mapped_column(default=-1)
    """How often a person may put it off at login; -1: the question is put at logout too."""
    show_recovery_key: Mapped[bool] = mapped_column(default=False)
    destroy_key_on_standby: Mapped[bool] = mapped_column(default=False)
    enforce_in_setup_assistant: Mapped[bool] = mapped_column(default=True)
    """On macOS 14 and later, where the device enrolls automatically."""
    prk_rotation_interval_days: Mapped[int] = mapped_column(default=0)
    """0: never."""
    prk_reveal_rotation_delay: Mapped[int] = mapped_column(default=60)
    """Minutes after a reveal; 0: not for that."""


class RecoveryPasswordConfig(Row):
    """The recovery lock of Macs with Apple silicon, the firmware password of the others."""

    __tablename__ = "zmdm_recovery_password_config"

    name: Mapped[str] = mapped_column(sa.String(256), unique=True)
    dynamic_password: Mapped[bool] = mapped_column(default=True)
    """Another one for each device; else the same for all."""
    static_password: Mapped[str | None] = sealed("recovery_password_config.static_password")
    generation: Mapped[int] = mapped_column(default=1)
    """Counts the static passwords: devices with an earlier one get the new one."""
    rotation_interval_days: Mapped[int] = mapped_column(default=0)
    reveal_rotation_delay: Mapped[int] = mapped_column(default=60)
    rotate_firmware_password: Mapped[bool] = mapped_column(default=False)
    """Each change takes a restart, which people are asked for."""


class ProtectionTask(Base):
    """How one piece of work on a device's protection stands: what is in place, what failed."""

    __tablename__ = "zmdm_protection_task"

    device_id: Mapped[int] = mapped_column(
        sa.ForeignKey("zmdm_device.id"), primary_key=True, autoincrement=False
    )
    kind: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    """filevault_profile | filevault_prk | recovery_password | admin_password"""
    digest: Mapped[str | None] = mapped_column(sa.String(80))
    """Of the configuration that is in place; NULL: none."""
    done_at: Mapped[datetime | None]
    asked_at: Mapped[datetime | None]
    """Somebody wants it done now."""
    tried_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)
    """Since it last went well."""
    next_try_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(sa.String(500))
    """In words."""


class RevealAllowance(Base):
    """How many secrets somebody has revealed within the hour that began at `since`."""

    __tablename__ = "zmdm_reveal_allowance"

    actor_id: Mapped[str] = mapped_column(sa.String(128), primary_key=True)
    since: Mapped[datetime]
    count: Mapped[int]


class SealingKey(Base):
    """A key that secrets of this database were sealed with; whoever lacks it may not start."""

    __tablename__ = "zmdm_sealing_key"

    key_id: Mapped[str] = mapped_column(sa.String(8), primary_key=True)
    first_used_at: Mapped[datetime]
