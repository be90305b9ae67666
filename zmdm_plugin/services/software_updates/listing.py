"""Apple's list as programs and people look at it: filtered, in pages, with its hardware."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models.software_updates import SoftwareUpdate, SoftwareUpdateDevice
from zmdm_plugin.services.keyset import DEFAULT_LIMIT, Keyset, Page
from zmdm_plugin.services.software_updates.values import family

KEYSET = Keyset(SoftwareUpdate.id, {"version": SoftwareUpdate.version_key})
PLATFORMS = ("iOS", "macOS", "visionOS")
"""As Apple lists them; iOS stands for iPadOS, tvOS and watchOS too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateFilter:
    """What to list; None: whatever it is."""

    platform: str | None = None
    """Any of ours; iPadOS finds what is listed as iOS."""
    version: str | None = None
    build: str | None = None
    device_id: str | None = None
    """A product name or a software update device id."""
    background: bool | None = None
    available: bool | None = None
    """Whether device management could ask for it today."""

    def conditions(self, today: date) -> list[sa.ColumnElement[bool]]:
        """SQL conditions on zmdm_software_update."""
        found: list[sa.ColumnElement[bool]] = []
        if self.platform is not None:
            found.append(SoftwareUpdate.platform == family(self.platform))
        if self.version is not None:
            found.append(SoftwareUpdate.version == self.version)
        if self.build is not None:
            found.append(SoftwareUpdate.build == self.build)
        if self.device_id is not None:
            listed = sa.select(SoftwareUpdateDevice.update_id).where(
                SoftwareUpdateDevice.device_id == self.device_id
            )
            found.append(SoftwareUpdate.id.in_(listed))
        if self.background is not None:
            found.append((SoftwareUpdate.extra != "") == sa.literal(self.background))
        if self.available is not None:
            live = available(today)
            found.append(live if self.available else sa.not_(live))
        return found


def available(today: date) -> sa.ColumnElement[bool]:
    """Whether a release can be asked for on this day."""
    update = SoftwareUpdate
    return sa.and_(
        update.withdrawn_at.is_(None),
        sa.or_(update.managed, update.extra != ""),
        sa.or_(update.expires_on.is_(None), update.expires_on >= today),
        sa.or_(update.posted_on.is_(None), update.posted_on <= today),
    )


def page(
    wanted: UpdateFilter,
    *,
    today: date,
    ordering: str = "-version",
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[SoftwareUpdate]:
    """A page of releases."""
    query = sa.select(SoftwareUpdate).where(*wanted.conditions(today))
    return KEYSET.entities(query, ordering=ordering, cursor=cursor, limit=limit)


def devices_of(ids: Iterable[int]) -> dict[int, list[str]]:
    """The hardware of some releases, by release."""
    rows = session().execute(
        sa.select(SoftwareUpdateDevice.update_id, SoftwareUpdateDevice.device_id)
        .where(SoftwareUpdateDevice.update_id.in_(list(ids)))
        .order_by(SoftwareUpdateDevice.device_id)
    )
    found: dict[int, list[str]] = {}
    for update_id, device_id in rows:
        found.setdefault(update_id, []).append(device_id)
    return found
