"""What is offered to a channel by declarative management, and what it reported."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from zmdm_plugin.models.base import Base, Row


class Manifest(Row):
    """A list of declarations, shared by all channels that should have the same."""

    __tablename__ = "zmdm_manifest"

    digest: Mapped[str] = mapped_column(sa.String(64), unique=True)
    """SHA-256 of the entries, hex."""
    blueprint_id: Mapped[int | None] = mapped_column(sa.ForeignKey("zmdm_blueprint.id"), index=True)
    entries: Mapped[list[Any]]


class ChannelDeclarations(Base):
    """The declarative side of a channel: what to offer now, what was offered last, what it said.

    `offered_*` is the snapshot a fetch is answered from; it lives until the next
    `declaration-items` has been answered.
    """

    __tablename__ = "zmdm_channel_declarations"
    __table_args__ = (
        sa.Index("ix_zmdm_channel_declarations_manifest_id", "manifest_id"),
        sa.Index("ix_zmdm_channel_declarations_offered_manifest_id", "offered_manifest_id"),
        {"postgresql_with": {"fillfactor": 70}},
    )

    channel_id: Mapped[int] = mapped_column(
        sa.ForeignKey("zmdm_channel.id"), primary_key=True, autoincrement=False
    )
    manifest_id: Mapped[int | None] = mapped_column(sa.ForeignKey("zmdm_manifest.id"))
    overlay: Mapped[dict[str, Any] | None]
    """What is the channel's own: tokens that differ from the shared ones, what is left out."""
    token: Mapped[str | None] = mapped_column(sa.String(64))
    """DeclarationsToken of manifest and overlay; NULL: nothing was ever to be offered."""
    changed_at: Mapped[datetime | None]
    """The Timestamp that goes with the token."""
    offered_manifest_id: Mapped[int | None] = mapped_column(sa.ForeignKey("zmdm_manifest.id"))
    offered_overlay: Mapped[dict[str, Any] | None]
    offered_token: Mapped[str | None] = mapped_column(sa.String(64))
    offered_at: Mapped[datetime | None]
    ordered_token: Mapped[str | None] = mapped_column(sa.String(64))
    """The token for which a DeclarativeManagement command was ordered last."""
    ordered_at: Mapped[datetime | None]
    enabled_at: Mapped[datetime | None]
    """Since when the channel speaks declarations; it cannot be undone."""
    capabilities: Mapped[dict[str, Any] | None] = mapped_column(deferred=True)
    """management.client-capabilities, as reported."""
    status: Mapped[dict[str, Any] | None] = mapped_column(deferred=True)
    """All status items as they stand after full and incremental reports."""
    errors: Mapped[list[Any] | None] = mapped_column(deferred=True)
    """Errors of the last report."""
    full_report_at: Mapped[datetime | None]
    reported_at: Mapped[datetime | None]
