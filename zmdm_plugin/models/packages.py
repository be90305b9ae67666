"""Files that are kept outside the database, and the packages among them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from zmdm_plugin.models.base import Base, Row


class StoredFile(Base):
    """A file in the storage, by the hash of its content; the row comes first and goes last."""

    __tablename__ = "zmdm_stored_file"

    sha256: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    size: Mapped[int]
    touched_at: Mapped[datetime] = mapped_column(index=True)
    """When it was last uploaded: what nothing uses is deleted a day later."""


class Package(Row):
    """An installer (`.pkg`) or an application (`.ipa`), as it says of itself."""

    __tablename__ = "zmdm_package"
    __table_args__ = (sa.Index("ix_zmdm_package_product", "product_id", "product_version"),)

    name: Mapped[str] = mapped_column(sa.String(256))
    """Its title, which people may change."""
    kind: Mapped[str] = mapped_column(sa.String(8))
    """pkg | ipa"""
    sha256: Mapped[str] = mapped_column(sa.ForeignKey("zmdm_stored_file.sha256"), unique=True)
    size: Mapped[int]
    filename: Mapped[str | None] = mapped_column(sa.String(256))
    product_id: Mapped[str] = mapped_column(sa.String(256))
    product_version: Mapped[str] = mapped_column(sa.String(256))
    platforms: Mapped[list[str]]
    bundles: Mapped[list[Any]]
    """[{identifier, version, short_version, path}]"""
    signer: Mapped[str | None] = mapped_column(sa.String(256))
    minimum_os: Mapped[str | None] = mapped_column(sa.String(32))
    facts: Mapped[dict[str, Any]]
    sha256s: Mapped[list[str]] = mapped_column(deferred=True)
    """Of each part, for the manifest."""
    md5s: Mapped[list[str]] = mapped_column(deferred=True)
    source_url: Mapped[str | None] = mapped_column(sa.String(2048))
    """Where a job fetched it."""
    actor_id: Mapped[str | None] = mapped_column(sa.String(128))
