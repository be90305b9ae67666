"""Artifacts (something to put on a channel), their versions, and what became of them there."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from zmdm_plugin.models.base import Base, Row, sealed

DECLARATIONS = ("configuration", "activation", "asset", "management")
APPS = ("store_app", "enterprise_app")
TYPES = ("profile", "provisioning_profile", "data_asset", "cert_asset", *APPS, *DECLARATIONS)
STATUSES = (
    "pending",
    "installing",
    "installed",
    "failed",
    "awaiting_confirmation",
    "uninstalled",
    "removing",
    "removal_failed",
)
PRESENT = ("installed", "removing", "removal_failed")


class Artifact(Row):
    """Something to put on a channel; its identifier on devices is its own for ever."""

    __tablename__ = "zmdm_artifact"

    name: Mapped[str] = mapped_column(sa.String(256), unique=True)
    type: Mapped[str] = mapped_column(sa.String(24), index=True)
    """One of TYPES; never changes."""
    channel: Mapped[str] = mapped_column(sa.String(8))
    """device | user; never changes"""
    platforms: Mapped[list[str]]
    install_during_setup_assistant: Mapped[bool] = mapped_column(default=False)
    auto_update: Mapped[bool] = mapped_column(default=True)
    reinstall_interval: Mapped[int] = mapped_column(default=0)
    """Days; 0: never."""
    reinstall_on_os_update: Mapped[str] = mapped_column(sa.String(8), default="no")
    """no | major | minor | patch"""
    declaration_type: Mapped[str | None] = mapped_column(sa.String(128))
    """Of a raw declaration: Apple's Type, the same in all its versions."""
    declaration_identifier: Mapped[str | None] = mapped_column(sa.String(256), unique=True)
    """The operator's own Identifier, by which other declarations may name this one."""
    identifier: Mapped[str] = mapped_column(sa.String(64), unique=True)
    """On the device: PayloadIdentifier of a profile, Identifier of a declaration."""


class ArtifactRequirement(Base):
    """What has to be there first; `reference`: named in a declaration of the current versions."""

    __tablename__ = "zmdm_artifact_requirement"

    artifact_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_artifact.id"), primary_key=True)
    required_id: Mapped[int] = mapped_column(
        sa.ForeignKey("zmdm_artifact.id"), primary_key=True, index=True
    )
    kind: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    """requires | reference"""


class ArtifactVersion(Row):
    """One wording of an artifact; immutable but for its scope and its rank."""

    __tablename__ = "zmdm_artifact_version"
    __table_args__ = (
        sa.UniqueConstraint("artifact_id", "number"),
        sa.Index("ix_zmdm_artifact_version_rank", "artifact_id", "rank"),
    )

    artifact_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_artifact.id"))
    number: Mapped[int]
    rank: Mapped[int]
    """A device gets the version of highest rank whose scope includes it; "make current" raises."""
    scope: Mapped[dict[str, Any]]
    content: Mapped[dict[str, Any]]
    """What may be shown of it, by type: identifiers and names of a profile, the payload of a
    declaration, subject and issuer of a certificate asset."""
    variables: Mapped[list[str]]
    """Names of the variables it uses."""
    sha256: Mapped[str] = mapped_column(sa.String(64))
    """Of the source, hex."""
    size: Mapped[int]
    """Of the source, bytes."""
    content_type: Mapped[str | None] = mapped_column(sa.String(128))
    filename: Mapped[str | None] = mapped_column(sa.String(256))
    source: Mapped[str | None] = sealed("artifact.source")
    """As uploaded, sealed: profiles hold passwords."""
    actor_id: Mapped[str | None] = mapped_column(sa.String(128))
    package_id: Mapped[int | None] = mapped_column(sa.ForeignKey("zmdm_package.id"), index=True)
    """Of an enterprise app: the file that is installed."""
    location_asset_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("zmdm_location_asset.id"), index=True
    )
    """Of a store app: whose licences it takes."""


class ChannelArtifact(Row):
    """What became of an artifact on a channel."""

    __tablename__ = "zmdm_channel_artifact"
    __table_args__ = (
        sa.UniqueConstraint("channel_id", "artifact_id"),
        sa.Index("ix_zmdm_channel_artifact_status", "artifact_id", "status", "id"),
        sa.Index("ix_zmdm_channel_artifact_installed", "installed_version_id"),
        sa.Index("ix_zmdm_channel_artifact_tried", "tried_version_id"),
    )

    channel_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_channel.id"))
    artifact_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_artifact.id"))
    status: Mapped[str] = mapped_column(sa.String(24))
    """One of STATUSES."""
    via: Mapped[str] = mapped_column(sa.String(12))
    """command | declaration: how it came, hence how it goes"""
    installed_version_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("zmdm_artifact_version.id")
    )
    installed_at: Mapped[datetime | None]
    installed_os: Mapped[str | None] = mapped_column(sa.String(64))
    installed_values: Mapped[str | None] = mapped_column(sa.String(64))
    """Digest of what its variables stood for, by command; NULL: it has none, or it is not known."""
    install_count: Mapped[int] = mapped_column(default=0)
    tried_version_id: Mapped[int | None] = mapped_column(sa.ForeignKey("zmdm_artifact_version.id"))
    tried_at: Mapped[datetime | None]
    tried_values: Mapped[str | None] = mapped_column(sa.String(64))
    attempts: Mapped[int] = mapped_column(default=0)
    """Failures in a row of the tried version."""
    next_try_at: Mapped[datetime | None]
    """After a failure: not before; NULL with failures: only by hand or with a new version."""
    retry_count: Mapped[int] = mapped_column(default=0)
    """Part of a declaration's ServerToken: another token makes the device try again."""
    reinstall_count: Mapped[int] = mapped_column(default=0)
    app_identifier: Mapped[str | None] = mapped_column(sa.String(256))
    """What this device called the app when it took it: counts while the App Store does not say."""
    checks: Mapped[int] = mapped_column(default=0)
    """How often the device was asked since whether an app is there."""
    check_at: Mapped[datetime | None]
    """When it is asked next."""
    active: Mapped[bool | None]
    valid: Mapped[str | None] = mapped_column(sa.String(8))
    """unknown | invalid | valid, as the device reports a declaration"""
    reasons: Mapped[list[Any] | None]
    """[{code, description}]: why it is as it is, from the device's error chain or reasons."""
    unresolved: Mapped[list[str] | None]
    """Variables that this channel has no value for; it is held back, or kept in its last form."""
