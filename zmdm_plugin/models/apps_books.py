"""Apps & Books: locations, what they have licences for, who holds them, what is under way.

https://developer.apple.com/documentation/devicemanagement/managing-apps-and-books-through-web-services
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from zmdm_plugin.models.base import Base, Row, sealed

_TODO = sa.text("todo IS NOT NULL AND request_id IS NULL")
_UNTOLD = sa.text("untold AND held")
_OPEN = sa.text("finished_at IS NULL")
_STALE = sa.text("stale_at IS NOT NULL")
_FRESH = sa.text("processed_at IS NULL")


class Location(Row):
    """A content token of Apple Business or School Manager, and whom Apple thinks it belongs to."""

    __tablename__ = "zmdm_location"
    __table_args__ = (sa.Index("ix_zmdm_location_name_id", "name", "id"),)

    name: Mapped[str] = mapped_column(sa.String(256))
    organization_name: Mapped[str] = mapped_column(sa.String(256), index=True)
    country_code: Mapped[str] = mapped_column(sa.String(8))
    library_uid: Mapped[str] = mapped_column(sa.String(64), unique=True)
    """Apple's `uId`: the same for every token of this location."""
    platform: Mapped[str] = mapped_column(sa.String(32))
    """volumestore | enterprisestore"""
    website_url: Mapped[str] = mapped_column(sa.String(512))
    server_token: Mapped[str | None] = sealed("location.server_token")
    server_token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    server_token_expiration_date: Mapped[datetime] = mapped_column(index=True)

    mdm_info_id: Mapped[str] = mapped_column(sa.String(36), unique=True)
    """Names this server at Apple, and this location in the address of notifications."""
    notification_token_hash: Mapped[str | None] = mapped_column(sa.String(64))
    """SHA-256, hex, of what Apple shows us with each notification."""
    notification_token: Mapped[str | None] = sealed("location.notification_token")
    """The same in the clear, to be told to Apple again when the location is taken back."""
    registered_at: Mapped[datetime | None]
    """Since when Apple knows that the location is managed from here."""
    owner: Mapped[dict[str, Any] | None]
    """mdmInfo of the server that has it, if that is not this one."""
    lost_at: Mapped[datetime | None]
    """Since when another server has it: nothing is read or assigned until it is taken back."""
    deleting_at: Mapped[datetime | None]
    """Since when a job forgets it: nothing is read, assigned or taken any more."""

    service_config: Mapped[dict[str, Any] | None]
    """Limits and addresses, as Apple said them last."""
    service_config_at: Mapped[datetime | None]
    assets_version: Mapped[str | None] = mapped_column(sa.String(128))
    assignments_version: Mapped[str | None] = mapped_column(sa.String(128))
    """versionId that the next incremental sync begins at; NULL: read everything."""
    generation: Mapped[int] = mapped_column(default=0)
    """Counts full readings: what one of them has not met is gone."""
    synced_at: Mapped[datetime | None]
    full_sync_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(sa.String(500))
    """What went wrong last between us and Apple; NULL when nothing did."""
    error_number: Mapped[int | None]
    error_at: Mapped[datetime | None]
    notification_error: Mapped[str | None] = mapped_column(sa.String(500))
    """Why Apple does not notify us; NULL when it does."""
    notified_at: Mapped[datetime | None]
    """When Apple's last notification came: while none come, events are asked about sooner."""


class Asset(Row):
    """An app or book of the store, in one quality of licence."""

    __tablename__ = "zmdm_asset"
    __table_args__ = (
        sa.UniqueConstraint("adam_id", "pricing_param"),
        sa.Index("ix_zmdm_asset_name_id", "name", "id"),
    )

    adam_id: Mapped[str] = mapped_column(sa.String(32))
    pricing_param: Mapped[str] = mapped_column(sa.String(8))
    """STDQ | PLUS"""
    product_type: Mapped[str] = mapped_column(sa.String(16))
    """App | Book"""
    device_assignable: Mapped[bool] = mapped_column(default=False)
    revocable: Mapped[bool] = mapped_column(default=False)
    supported_platforms: Mapped[list[str]]
    name: Mapped[str | None] = mapped_column(sa.String(512))
    bundle_id: Mapped[str | None] = mapped_column(sa.String(256), index=True)
    latest_version: Mapped[str | None] = mapped_column(sa.String(64))
    store_url: Mapped[str | None] = mapped_column(sa.String(1024))
    icon: Mapped[bytes | None] = mapped_column(deferred=True)
    icon_type: Mapped[str | None] = mapped_column(sa.String(32))
    icon_url: Mapped[str | None] = mapped_column(sa.String(1024))
    """Where the kept icon came from: another address means another icon."""
    store_metadata: Mapped[dict[str, Any] | None] = mapped_column(deferred=True)
    metadata_at: Mapped[datetime | None]
    metadata_due_at: Mapped[datetime | None] = mapped_column(index=True)
    metadata_error: Mapped[str | None] = mapped_column(sa.String(500))


class LocationAsset(Row):
    """How many licences of an asset a location has."""

    __tablename__ = "zmdm_location_asset"
    __table_args__ = (
        sa.UniqueConstraint("location_id", "asset_id"),
        sa.Index(
            "ix_zmdm_location_asset_stale",
            "location_id",
            postgresql_where=_STALE,
            sqlite_where=_STALE,
        ),
        sa.CheckConstraint("reserved_count >= 0", name="reserved"),
    )

    location_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_location.id"))
    asset_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_asset.id"), index=True)
    assigned_count: Mapped[int] = mapped_column(default=0)
    available_count: Mapped[int] = mapped_column(default=0)
    retired_count: Mapped[int] = mapped_column(default=0)
    total_count: Mapped[int] = mapped_column(default=0)
    reserved_count: Mapped[int] = mapped_column(default=0)
    """Of the available ones, how many our unfinished requests ask for."""
    user_count: Mapped[int] = mapped_column(default=0, server_default="0")
    """Of the assigned ones, how many people hold and not devices, as last read."""
    generation: Mapped[int] = mapped_column(default=0)
    stale_at: Mapped[datetime | None]
    """From when on it is read anew, since its numbers are known to be wrong."""
    short_at: Mapped[datetime | None] = mapped_column(index=True)
    """Since when devices wait because there is no licence left."""
    withdrawn_at: Mapped[datetime | None]
    """Since when the location no longer lists it."""


class LicenceRequest(Row):
    """An associate or disassociate that Apple was, or is about to be, asked for.

    sending (its answer may be lost: asked again) -> pending -> done | failed
    """

    __tablename__ = "zmdm_licence_request"
    __table_args__ = (
        sa.UniqueConstraint("location_id", "event_id"),
        sa.Index(
            "ix_zmdm_licence_request_open",
            "location_id",
            "due_at",
            postgresql_where=_OPEN,
            sqlite_where=_OPEN,
        ),
        sa.Index("ix_zmdm_licence_request_location_asset_id_id", "location_asset_id", "id"),
    )

    location_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_location.id"))
    location_asset_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_location_asset.id"))
    kind: Mapped[str] = mapped_column(sa.String(16))
    """associate | disassociate"""
    state: Mapped[str] = mapped_column(sa.String(16))
    event_id: Mapped[str | None] = mapped_column(sa.String(64))
    """Apple's name of the event; NULL until it has answered."""
    count: Mapped[int]
    left: Mapped[int]
    """Licences whose outcome is not known yet."""
    due_at: Mapped[datetime]
    """When it is sent again, or asked about: the lease of whoever does so now."""
    sent_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    error_number: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(sa.String(500))
    finished_at: Mapped[datetime | None] = mapped_column(index=True)


class Licence(Base):
    """A device and an asset: what Apple's books say (`held`), and what we want (`wanted`).

    `todo` and `request_id` say what is to be done about the difference and whether it is being
    done. Only what we assigned (`ours`) is ever given back. Who wants it is told apart: what a
    scope wished for goes when the app leaves it, what an operator assigned stays.
    """

    __tablename__ = "zmdm_licence"
    __table_args__ = (
        sa.UniqueConstraint("serial_number", "location_asset_id"),
        sa.Index("ix_zmdm_licence_location_asset_id_id", "location_asset_id", "id"),
        sa.Index(
            "ix_zmdm_licence_todo",
            "location_asset_id",
            "todo",
            "changed_at",
            "id",
            postgresql_where=_TODO,
            sqlite_where=_TODO,
        ),
        sa.Index("ix_zmdm_licence_untold", "id", postgresql_where=_UNTOLD, sqlite_where=_UNTOLD),
        sa.Index(
            "ix_zmdm_licence_request_id",
            "request_id",
            postgresql_where=sa.text("request_id IS NOT NULL"),
            sqlite_where=sa.text("request_id IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    location_asset_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_location_asset.id"))
    serial_number: Mapped[str] = mapped_column(sa.String(128))
    held: Mapped[bool] = mapped_column(default=False)
    wanted: Mapped[bool] = mapped_column(default=False)
    """By a scope, an operator, or both."""
    scoped: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    """A blueprint brings the app to the device."""
    by_hand: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    """An operator assigned it."""
    ours: Mapped[bool] = mapped_column(default=False)
    todo: Mapped[str | None] = mapped_column(sa.String(8))
    """assign | revoke"""
    request_id: Mapped[int | None]
    """The order that is on its way for it. No foreign key: its check would cost as much as a
    tenth of an assignment, and a request is deleted after its licences only."""
    untold: Mapped[bool] = mapped_column(default=False)
    """The device waits for it and has not been woken since it arrived."""
    generation: Mapped[int] = mapped_column(default=0)
    error_number: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(sa.String(500))
    attempts: Mapped[int] = mapped_column(default=0)
    retry_at: Mapped[datetime | None]
    """Not asked for again before, since Apple refused it."""
    changed_at: Mapped[datetime]


class LicenceMark(Base):
    """A device whose licences are compared with its scopes anew, since something about it changed.

    By its serial number, as Apple knows it: the device may have got another one.
    """

    __tablename__ = "zmdm_licence_mark"

    serial_number: Mapped[str] = mapped_column(sa.String(128), primary_key=True)
    marked_at: Mapped[datetime]
    gone: Mapped[bool] = mapped_column(default=False)
    """It left for good: no scope has a wish for it, whatever a walk had seen."""


class LicenceWalk(Base):
    """How far the devices of a blueprint have been walked for the licences that its scopes need."""

    __tablename__ = "zmdm_licence_walk"

    name: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    """That of the blueprint's `zmdm_revision`, or `scoped`: all licences that scopes have."""
    target: Mapped[int] = mapped_column(default=0)
    """The revision that the walk under way is for."""
    walked: Mapped[int] = mapped_column(default=-1)
    """The last revision whose walk has come to its end."""
    cursor: Mapped[int] = mapped_column(default=0)
    """The last row of the walk under way; 0: none is."""
    run: Mapped[str | None] = mapped_column(sa.String(36))
    """The uid of the JobRun that shows how far it is, if it takes so long."""
    walked_at: Mapped[datetime | None]


class LocationNotification(Base):
    """What Apple told us, kept until a job has read it, and its id for some days after."""

    __tablename__ = "zmdm_location_notification"
    __table_args__ = (
        sa.UniqueConstraint("location_id", "notification_id"),
        sa.Index(
            "ix_zmdm_location_notification_fresh",
            "location_id",
            "id",
            postgresql_where=_FRESH,
            sqlite_where=_FRESH,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    location_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_location.id"))
    notification_id: Mapped[str] = mapped_column(sa.String(128))
    kind: Mapped[str] = mapped_column(sa.String(64))
    body: Mapped[dict[str, Any] | None]
    """Emptied once it was read."""
    received_at: Mapped[datetime] = mapped_column(index=True)
    processed_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(sa.String(500))


class RequestPace(Base):
    """When the next request to a service may go out: what all processes keep to together."""

    __tablename__ = "zmdm_request_pace"

    name: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    next_us: Mapped[int]
    """Microseconds since 1970."""
