"""The list of devices: find one among a hundred thousand, or see those that need somebody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import Response
from flask_admin import expose
from sqlalchemy.orm import lazyload

from zmdm_plugin.admin import paging
from zmdm_plugin.admin.device_facts import name_of
from zmdm_plugin.admin.screen import Screen, acting, session, text
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import Channel
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol.platform import Platform
from zmdm_plugin.services import access, devices

STATES = (
    ("enrolled", "Enrolled"),
    ("not-enrolled", "Not enrolled"),
    ("blocked", "Blocked"),
)
SEEN = (
    ("1h", "in the last hour"),
    ("1d", "in the last day"),
    ("not-1d", "not for a day"),
    ("not-7d", "not for a week"),
    ("not-30d", "not for 30 days"),
)
_LENGTHS = {"h": timedelta(hours=1), "d": timedelta(days=1)}
ORDERINGS = {"name", "serial_number", "last_seen", "id"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for, as the form shows it again."""

    search: str
    platform: str
    state: str
    seen: str
    seen_after: str
    seen_before: str
    user: str
    order: str

    @property
    def narrowed(self) -> bool:
        """Whether anything but the order is asked for."""
        chosen = (self.search, self.platform, self.state, self.seen)
        return any(chosen) or self.more

    @property
    def more(self) -> bool:
        """Whether the filters that are folded away are in use."""
        return bool(self.seen_after or self.seen_before or self.user)


class DeviceList(Screen):
    """Every device that the one who acts may see."""

    permission = access.VIEW_DEVICES

    @expose("/")
    def index(self) -> Response:
        """One page of the list; a stale or foreign cursor begins anew."""
        asked, fault = _asked(), ""
        try:
            wanted = _filter(asked, utcnow())
        except ValueError:
            wanted, fault = devices.DeviceFilter(), "A date must look like 2026-11-30."
        found = _page(wanted, asked.order)
        page = paging.page(_by_minute(found.items, asked.order), cursor=found.next_cursor)
        return self.page(
            "zmdm/devices.html",
            title="Devices",
            page=page,
            channels=_channels([shown.channel_id for shown in found.items]),
            asked=asked,
            fault=fault,
            platforms=[str(platform) for platform in Platform],
            states=STATES,
            seen=SEEN,
            name_of=name_of,
            here=paging.here,
        )


def _asked() -> Asked:
    order = text("order", most=20)
    return Asked(
        search=text("q"),
        platform=_one_of(text("platform"), {str(platform) for platform in Platform}),
        state=_one_of(text("state"), dict(STATES)),
        seen=_one_of(text("seen"), dict(SEEN)),
        seen_after=text("seen_after", most=10),
        seen_before=text("seen_before", most=10),
        user=text("user"),
        order=order if order.removeprefix("-") in ORDERINGS else "name",
    )


def _filter(asked: Asked, now: datetime) -> devices.DeviceFilter:
    """ValueError for what is no date."""
    after, before = _day(asked.seen_after), _day(asked.seen_before)
    if asked.seen:
        count, unit = asked.seen.removeprefix("not-")[:-1], asked.seen[-1]
        moment = now - int(count) * _LENGTHS[unit]
        if asked.seen.startswith("not-"):
            before = min(before or moment, moment)
        else:
            after = max(after or moment, moment)
    return devices.DeviceFilter(
        search=asked.search or None,
        platform=asked.platform or None,
        enrolled={"enrolled": True, "not-enrolled": False}.get(asked.state),
        blocked=True if asked.state == "blocked" else None,
        last_seen_after=after,
        last_seen_before=before,
        user_short_name=asked.user or None,
    )


def _page(wanted: devices.DeviceFilter, order: str) -> Any:
    try:
        return devices.page(
            acting(), wanted, ordering=order, cursor=paging.cursor(), limit=paging.PER_PAGE
        )
    except Refused:
        return devices.page(acting(), wanted, ordering=order, limit=paging.PER_PAGE)


def _by_minute(items: list[devices.Shown], order: str) -> list[devices.Shown]:
    """The list orders by the hour last seen; within a page, people expect the minutes too."""
    if order.removeprefix("-") != "last_seen":
        return items
    seen = [item for item in items if item.last_seen_at]
    seen.sort(key=lambda item: item.last_seen_at or item.device.created_at, reverse=order[0] == "-")
    return [*seen, *(item for item in items if not item.last_seen_at)]


def _channels(ids: list[int | None]) -> dict[int, Channel]:
    """The device channels of a page, in one statement; without their devices, which are there."""
    query = sa.select(Channel).where(Channel.id.in_([one for one in ids if one]))
    rows = session().scalars(query.options(lazyload(Channel.device)))
    return {channel.id: channel for channel in rows}


def _one_of(given: str, known: Any) -> str:
    return given if given in known else ""


def _day(given: str) -> datetime | None:
    return datetime.strptime(given, "%Y-%m-%d").replace(tzinfo=UTC) if given else None
