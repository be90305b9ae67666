"""Automated Device Enrollment: services at Apple, their devices, the profiles defined there.

https://developer.apple.com/documentation/devicemanagement/device-assignment
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from zmdm_plugin.models.base import Row, sealed

_DUE = sa.text("next_try_at IS NOT NULL")


class DepVirtualServer(Row):
    """A device management service of Apple Business or School Manager; `uuid` once connected.

    The staged key waits for its token; the current one stays until that has come.
    """

    __tablename__ = "zmdm_dep_virtual_server"

    name: Mapped[str] = mapped_column(sa.String(256), index=True)
    """As Apple says it; until the first token, as the administrator did."""
    uuid: Mapped[str | None] = mapped_column(sa.String(64), unique=True)
    """Apple's, upper hex; NULL until the first token."""
    consumer_key: Mapped[str | None] = mapped_column(sa.String(1024))
    """Names the service in its tokens, and stays the same when they are renewed."""

    org_id: Mapped[str] = mapped_column(sa.String(256), default="")
    org_id_hash: Mapped[str] = mapped_column(sa.String(256), default="", index=True)
    """The same as the organizationIdHash of Apps & Books."""
    org_name: Mapped[str] = mapped_column(sa.String(256), default="")
    org_email: Mapped[str] = mapped_column(sa.String(256), default="")
    org_phone: Mapped[str] = mapped_column(sa.String(256), default="")
    org_address: Mapped[str] = mapped_column(sa.String(1024), default="")
    org_type: Mapped[str] = mapped_column(sa.String(16), default="")
    """edu | org"""
    org_version: Mapped[str] = mapped_column(sa.String(16), default="")
    admin_id: Mapped[str] = mapped_column(sa.String(256), default="")
    limits: Mapped[dict[str, Any] | None]
    """By path: [default, maximum] devices of one request."""
    account_read_at: Mapped[datetime | None]

    certificate: Mapped[bytes | None]
    """DER, around the public key that the token was made for."""
    private_key: Mapped[str | None] = sealed("dep_virtual_server.private_key")
    staged_certificate: Mapped[bytes | None]
    staged_private_key: Mapped[str | None] = sealed("dep_virtual_server.staged_private_key")
    staged_at: Mapped[datetime | None]
    token: Mapped[str | None] = sealed("dep_virtual_server.token")
    """JSON of the OAuth credentials."""
    access_token_expiry: Mapped[datetime | None]
    token_taken_at: Mapped[datetime | None]

    cursor: Mapped[str | None] = mapped_column(sa.Text())
    """Committed together with the page before it."""
    fetching: Mapped[bool] = mapped_column(default=False)
    """The cursor leads on in a full fetch that has not reached its end; else it is for a sync."""
    fetch_number: Mapped[int] = mapped_column(default=0)
    """Counts full fetches: who lacks the number of one that reached its end was not reported."""
    sync_begun_at: Mapped[datetime | None]
    """When a synchronization was last ordered, whatever became of it."""
    fetched_at: Mapped[datetime | None]
    """When a full fetch last reached its end."""
    synced_at: Mapped[datetime | None]
    """When everything that Apple had to say was last taken in."""
    terms_not_signed_at: Mapped[datetime | None]
    """Since when Apple wants new terms and conditions accepted; NULL once it answers again."""
    error: Mapped[str | None] = mapped_column(sa.String(500))
    """Why the last conversation with Apple failed; NULL when it did not."""
    error_at: Mapped[datetime | None]
    rests_until: Mapped[datetime | None]
    """Until when nothing is asked by itself, for Apple failed or wants to be left alone."""

    default_enrollment_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("zmdm_enrollment.id"), index=True
    )
    """For devices that come without a profile, or with one that was never ours."""


class DepDevice(Row):
    """A device that Apple has assigned to one of our services: its words, and what we want.

    Deleted: Apple reports it no more. That un-enrolls nothing.
    """

    __tablename__ = "zmdm_dep_device"
    __table_args__ = (
        sa.UniqueConstraint("server_id", "serial_number"),
        sa.Index("ix_zmdm_dep_device_server_id_id", "server_id", "id"),
        sa.Index("ix_zmdm_dep_device_server_id_profile_uuid", "server_id", "profile_uuid"),
        sa.Index("ix_zmdm_dep_device_enrollment_id_id", "enrollment_id", "id"),
        sa.Index("ix_zmdm_dep_device_created_at_id", "created_at", "id"),
        sa.Index("ix_zmdm_dep_device_updated_at_id", "updated_at", "id"),
        sa.Index("ix_zmdm_dep_device_op_date_id", "op_date", "id"),
        sa.Index(
            "ix_zmdm_dep_device_due",
            "server_id",
            "next_try_at",
            postgresql_where=_DUE,
            sqlite_where=_DUE,
        ),
    )

    server_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_dep_virtual_server.id"))
    serial_number: Mapped[str] = mapped_column(sa.String(128), index=True)
    model: Mapped[str] = mapped_column(sa.String(256), default="")
    description: Mapped[str] = mapped_column(sa.String(1024), default="")
    asset_tag: Mapped[str] = mapped_column(sa.String(256), default="")
    color: Mapped[str] = mapped_column(sa.String(64), default="")
    device_family: Mapped[str] = mapped_column(sa.String(32), default="")
    os: Mapped[str] = mapped_column(sa.String(32), default="")
    device_assigned_by: Mapped[str] = mapped_column(sa.String(256), default="")
    device_assigned_date: Mapped[datetime | None]
    mdm_migration_deadline: Mapped[datetime | None]
    op_type: Mapped[str] = mapped_column(sa.String(16), default="")
    """added | modified | deleted; empty: known from full fetches alone."""
    op_date: Mapped[datetime | None]
    more: Mapped[dict[str, Any] | None]
    """IMEI, addresses, replacement, and what is new to us, in the words of the wire."""

    profile_status: Mapped[str] = mapped_column(sa.String(16), default="empty")
    """empty | assigned | pushed | removed"""
    profile_uuid: Mapped[str] = mapped_column(sa.String(64), default="")
    """The actual profile: upper hex without dashes; empty: none."""
    profile_assign_time: Mapped[datetime | None]
    profile_push_time: Mapped[datetime | None]

    enrollment_id: Mapped[int | None] = mapped_column(sa.ForeignKey("zmdm_enrollment.id"))
    """The desired one: its newest defined profile is to be the actual one."""
    assignment: Mapped[str] = mapped_column(sa.String(16), default="none")
    """none | waiting | pending | assigned | removed | failed | not_accessible | throttled

    Waiting: the enrollment has no profile at Apple (yet). Without an enrollment, none says that
    nobody wants anything, and anything else that it is meant to have no profile.
    """
    assignment_reason: Mapped[str | None] = mapped_column(sa.String(500))
    attempts: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None]
    """When desired and actual are made one; NULL: nothing is to be done."""
    assigned_at: Mapped[datetime | None]
    """When Apple confirmed our last assignment."""

    fetch_number: Mapped[int] = mapped_column(default=0)
    """The last full fetch that reported it."""
    seen_at: Mapped[datetime]
    """When Apple last said something about it."""
    deleted_at: Mapped[datetime | None]
    disowned_at: Mapped[datetime | None]


class AdeProfile(Row):
    """An enrollment profile at Apple, where it is immutable: an edit is another one.

    Old ones stay: their UUIDs are ours for ever, and devices in boxes still use them.
    """

    __tablename__ = "zmdm_ade_profile"
    __table_args__ = (
        sa.Index("ix_zmdm_ade_profile_enrollment_id_state_id", "enrollment_id", "state", "id"),
    )

    enrollment_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_enrollment.id"))
    server_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_dep_virtual_server.id"), index=True)
    profile_uuid: Mapped[str | None] = mapped_column(sa.String(64), unique=True)
    """Upper hex without dashes; NULL until Apple has taken it."""
    state: Mapped[str] = mapped_column(sa.String(16), default="wanted")
    """wanted | defined | superseded | failed"""
    content: Mapped[dict[str, Any]]
    """What Apple is given, in the words of the wire."""
    digest: Mapped[str] = mapped_column(sa.String(64))
    """SHA-256 of the content, hex: the same is not defined twice."""
    asked_at: Mapped[datetime | None]
    """When Apple was asked to define it, as long as its answer is not known."""
    unanswered: Mapped[int] = mapped_column(default=0)
    """How often the answer was lost: so many more profiles like it Apple may have, without use."""
    defined_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(sa.String(500))
