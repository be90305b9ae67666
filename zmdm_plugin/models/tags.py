"""Tags on devices, and the views of lists that people keep."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from zmdm_plugin.models.base import Base, Row


class Tag(Row):
    """A word that people put on devices, to find them again and to act on all of them."""

    __tablename__ = "zmdm_tag"

    name: Mapped[str] = mapped_column(sa.String(64))
    """As it was written."""
    key: Mapped[str] = mapped_column(sa.String(128), unique=True)
    """Case-folded: `Lab` and `lab` are one tag."""
    color: Mapped[str] = mapped_column(sa.String(16))
    """One of services.tags.COLORS; screens repeat it, none depends on it."""


class DeviceTag(Base):
    """A tag on a device; the second index answers "which devices have this tag"."""

    __tablename__ = "zmdm_device_tag"
    __table_args__ = (sa.Index("ix_zmdm_device_tag_tag_id_device_id", "tag_id", "device_id"),)

    device_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_device.id"), primary_key=True)
    tag_id: Mapped[int] = mapped_column(sa.ForeignKey("zmdm_tag.id"), primary_key=True)
    created_at: Mapped[datetime]


class SavedView(Row):
    """Filters and order of a list under a name, for the person who saved them."""

    __tablename__ = "zmdm_saved_view"
    __table_args__ = (sa.UniqueConstraint("owner_id", "screen", "name"),)

    owner_id: Mapped[str] = mapped_column(sa.String(128))
    screen: Mapped[str] = mapped_column(sa.String(32))
    """Which list: devices."""
    name: Mapped[str] = mapped_column(sa.String(64))
    arguments: Mapped[dict[str, Any]]
    """Of the list's address."""
