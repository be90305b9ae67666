"""The list of devices: find one among a hundred thousand, or see those that need somebody."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Response, request
from flask_admin import expose
from sqlalchemy.orm import lazyload

from zmdm_plugin import db
from zmdm_plugin.admin import bulk, device_columns, device_query, downloads, paging
from zmdm_plugin.admin.device_facts import name_of
from zmdm_plugin.admin.screen import Screen, acting, back, session
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import Channel
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access, device_export, devices, tags, views
from zmdm_plugin.services.artifacts import blueprints

SCREEN = "devices"
EXPORTS = (
    ("csv", "", "CSV, these columns"),
    ("csv", "all", "CSV, all columns"),
    ("jsonl", "all", "JSON Lines, all columns"),
)
"""Form, `columns` of the address, and words."""
_NO_DATE = "A date must look like 2026-11-30."


class DeviceList(Screen):
    """Every device that the one who acts may see."""

    permission = access.VIEW_DEVICES

    @expose("/")
    def index(self) -> Response:
        """One page of the list; a stale or foreign cursor begins anew."""
        asked, fault = device_query.read(), ""
        try:
            wanted = device_query.as_filter(asked, utcnow())
        except ValueError:
            wanted, fault = devices.DeviceFilter(), _NO_DATE
        found = _page(wanted, asked.order)
        page = paging.page(_by_minute(found.items, asked.order), cursor=found.next_cursor)
        return self.page(
            "zmdm/devices.html",
            title="Devices",
            page=page,
            channels=_channels([shown.channel_id for shown in found.items]),
            tags={shown.device.id: shown.tags for shown in found.items},
            all_tags=tags.every(),
            blueprints=blueprints.every(),
            views=views.of(acting(), SCREEN),
            columns=device_columns.of(acting()),
            every_column=device_columns.COLUMNS.values(),
            usual=device_columns.DEFAULT,
            exports=EXPORTS,
            asked=asked,
            fault=fault,
            platforms=device_query.PLATFORMS,
            states=device_query.STATES,
            seen=device_query.SEEN,
            pushes=device_query.PUSH,
            ends=device_query.ENDS,
            renewals=device_query.RENEWALS,
            setups=device_query.SETUPS,
            actions=bulk.offers(),
            name_of=name_of,
            here=paging.here,
        )

    @expose("/columns/", methods=("POST",))
    def columns(self) -> Response:
        """Keep which columns one wants to see; the filters stay as they are."""
        with db.transaction():
            device_columns.keep(acting(), request.form.getlist("column"))
        return back("The columns are kept.", ".index", **device_query.read().arguments)

    @expose("/export/<kind>/", methods=("POST",))
    def export(self, kind: str) -> Response:
        """All that the filters find, every page of it, with the columns of the list or with all."""
        downloads.check(kind)
        try:
            wanted = device_query.as_filter(device_query.read(), utcnow())
        except ValueError as error:
            raise Refused("", _NO_DATE) from error
        every = request.args.get("columns") == "all"
        names = () if every else device_columns.exported(device_columns.of(acting()))
        with db.transaction():
            parts = device_export.export(acting(), wanted, kind, names)
        return downloads.export(parts, kind, "devices")


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
