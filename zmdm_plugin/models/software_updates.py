"""Software updates: what Apple offers, what is to be enforced, what each device was told."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from zmdm_plugin.models.base import Base, Row

_OPEN = sa.text("ended_at IS NULL")


class SoftwareUpdate(Row):
    """A release of the software lookup feed; one that Apple takes back is kept, with the date.

    https://support.apple.com/guide/deployment/depafd2fad80/web
    """

    __tablename__ = "zmdm_software_update"
    __table_args__ = (
        sa.UniqueConstraint(
            "platform",
            "version",
            "extra",
            "build",
            "prerequisite_build",
            name="uq_zmdm_software_update_release",
        ),
        sa.Index("ix_zmdm_software_update_platform_version_key", "platform", "version_key"),
    )

    platform: Mapped[str] = mapped_column(sa.String(16))
    """As the feed says it: iOS (iPadOS, tvOS and watchOS too), macOS, visionOS."""
    version: Mapped[str] = mapped_column(sa.String(32))
    version_key: Mapped[str] = mapped_column(sa.String(64))
    """The version so written that text order is the order of versions."""
    extra: Mapped[str] = mapped_column(sa.String(16), default="")
    """`(a)` of a background security improvement, else empty."""
    build: Mapped[str] = mapped_column(sa.String(32))
    prerequisite_build: Mapped[str] = mapped_column(sa.String(32), default="")
    """The build that a background security improvement goes on top of."""
    managed: Mapped[bool] = mapped_column(default=False)
    """In AssetSets: device management may ask for it."""
    public: Mapped[bool] = mapped_column(default=False)
    """In PublicAssetSets: people are offered it."""
    posted_on: Mapped[date | None] = mapped_column(sa.Date())
    expires_on: Mapped[date | None] = mapped_column(sa.Date())
    """The last day on which Apple signs it; NULL: it has not been said."""
    withdrawn_at: Mapped[datetime | None]
    """Since when the feed lists it no more."""


class SoftwareUpdateDevice(Base):
    """For which hardware a release is: a product name or a software update device id."""

    __tablename__ = "zmdm_software_update_device"
    __table_args__ = (sa.Index("ix_zmdm_software_update_device_update_id", "update_id"),)

    device_id: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    update_id: Mapped[int] = mapped_column(
        sa.ForeignKey("zmdm_software_update.id"), primary_key=True
    )


class SoftwareUpdateFeed(Base):
    """When the feed was read last, and what went wrong when it could not be."""

    __tablename__ = "zmdm_software_update_feed"

    name: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    asked_at: Mapped[datetime | None]
    read_at: Mapped[datetime | None]
    digest: Mapped[str | None] = mapped_column(sa.String(64))
    """SHA-256 of the last answer that was taken in."""
    releases: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None] = mapped_column(sa.String(500))
    """Why the last attempt failed; NULL when it did not."""


class SoftwareUpdateEnforcement(Row):
    """What devices are to run, from when on: one version, or always the newest below another.

    One time: `os_version`, `build_version` ("" for any), `local_datetime`. Latest:
    `max_os_version` (exclusive), `delay_days` after the release, `local_time`.
    """

    __tablename__ = "zmdm_update_enforcement"

    name: Mapped[str] = mapped_column(sa.String(256), unique=True)
    details_url: Mapped[str] = mapped_column(sa.String(2000), default="")
    platforms: Mapped[list[str]]
    os_version: Mapped[str] = mapped_column(sa.String(32), default="")
    build_version: Mapped[str] = mapped_column(sa.String(32), default="")
    local_datetime: Mapped[str | None] = mapped_column(sa.String(19))
    """`2026-12-24T09:30:00`, in the device's own time."""
    max_os_version: Mapped[str] = mapped_column(sa.String(32), default="")
    delay_days: Mapped[int | None]
    local_time: Mapped[str | None] = mapped_column(sa.String(8))
    """`09:30:00`, in the device's own time."""


class EnforcementTag(Base):
    """Devices with one of its tags; an enforcement without any is the default of its platforms."""

    __tablename__ = "zmdm_update_enforcement_tag"

    enforcement_id: Mapped[int] = mapped_column(
        sa.ForeignKey("zmdm_update_enforcement.id"), primary_key=True
    )
    tag_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_tag.id"), primary_key=True, index=True)


class BlueprintEnforcement(Base):
    """Which blueprints an enforcement is part of."""

    __tablename__ = "zmdm_blueprint_update_enforcement"

    blueprint_id: Mapped[int] = mapped_column(
        sa.ForeignKey("zmdm_blueprint.id", ondelete="CASCADE"), primary_key=True
    )
    enforcement_id: Mapped[int] = mapped_column(
        sa.ForeignKey("zmdm_update_enforcement.id"), primary_key=True, index=True
    )


class AdvertisedUpdate(Row):
    """A version that a device is told to install by a date; it stays until that has happened."""

    __tablename__ = "zmdm_advertised_update"
    __table_args__ = (
        sa.Index(
            "ix_zmdm_advertised_update_open",
            "device_id",
            postgresql_where=_OPEN,
            sqlite_where=_OPEN,
        ),
        sa.Index("ix_zmdm_advertised_update_device_id", "device_id"),
    )

    device_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_device.id"))
    enforcement_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("zmdm_update_enforcement.id", ondelete="SET NULL"), index=True
    )
    identifier: Mapped[str] = mapped_column(sa.String(64))
    """Of the declaration; the same for every device with this enforcement and version."""
    os_version: Mapped[str] = mapped_column(sa.String(32))
    build_version: Mapped[str] = mapped_column(sa.String(32), default="")
    local_datetime: Mapped[str] = mapped_column(sa.String(19))
    basis: Mapped[str] = mapped_column(sa.String(32))
    """What the date was made from; it is made anew when an operator changes that."""
    details_url: Mapped[str] = mapped_column(sa.String(2000), default="")
    why: Mapped[str] = mapped_column(sa.String(500))
    """How version and date came about, in words."""
    ended_at: Mapped[datetime | None]
    ended: Mapped[str | None] = mapped_column(sa.String(16))
    """installed | withdrawn | replaced | dropped"""
    ended_why: Mapped[str | None] = mapped_column(sa.String(500))


class DeviceUpdate(Base):
    """How far a device is with its updates, as it said, and why it has no target."""

    __tablename__ = "zmdm_device_update"

    device_id: Mapped[int] = mapped_column(
        sa.ForeignKey("zmdm_device.id"), primary_key=True, autoincrement=False
    )
    enforcement_id: Mapped[int | None]
    """The one that was chosen; no foreign key, for it may be gone."""
    why: Mapped[str | None] = mapped_column(sa.String(1000))
    """What came of the choice, in words."""
    chosen_at: Mapped[datetime | None]
    install_state: Mapped[str | None] = mapped_column(sa.String(32))
    """none | waiting | downloading | prepared | installing | failed"""
    state_at: Mapped[datetime | None]
    """Since when it is in that state, as we heard it."""
    pending_os_version: Mapped[str | None] = mapped_column(sa.String(64))
    pending_build_version: Mapped[str | None] = mapped_column(sa.String(64))
    reasons: Mapped[list[Any] | None]
    """Why it installs: system-settings, install-tonight, auto-update, declaration, …"""
    declaration_identifier: Mapped[str | None] = mapped_column(sa.String(64))
    failure_count: Mapped[int] = mapped_column(default=0)
    failure_reason: Mapped[str | None] = mapped_column(sa.String(500))
    failed_at: Mapped[datetime | None]
    beta_program: Mapped[str | None] = mapped_column(sa.String(256))
    reported_at: Mapped[datetime | None]
