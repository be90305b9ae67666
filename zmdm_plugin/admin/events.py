"""Events: what happened on the fleet, found by kind, device, actor and day; exported as shown."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Response
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import asked, downloads, event_names, paging
from zmdm_plugin.admin.device_facts import name_of
from zmdm_plugin.admin.screen import Screen, acting, text
from zmdm_plugin.errors import Refused
from zmdm_plugin.services import access, event_log
from zmdm_plugin.services.event_kinds import AREAS
from zmdm_plugin.services.event_log import EventFilter

_TEXTS = {"kind": 64, "search": 256, "actor": 256, "request": 64}
_DAYS = {"created_after": timedelta(0), "created_before": timedelta(days=1)}


class EventList(Screen):
    """Events of all devices that the one who acts may see."""

    permission = access.VIEW_EVENTS

    @expose("/")
    def index(self) -> Response:
        """One page of the list, the newest first; a stale cursor begins anew."""
        fault, wanted = "", EventFilter()
        try:
            wanted = _asked()
            found = page_of(wanted)
        except ValueError:
            fault, found = asked.FAULT, page_of(EventFilter())
        except Refused as error:
            fault, found = error.why, event_log.page(acting(), EventFilter(), limit=1)
            found.items.clear()
        events = [event for event, _ in found.items]
        return self.page(
            "zmdm/events.html",
            title="Events",
            page=paging.page(found.items, cursor=found.next_cursor if events else None),
            asked={name: text(name, most=256) for name in (*_TEXTS, *_DAYS, "device")},
            narrowed=bool(str(wanted)) or bool(fault),
            fault=fault,
            kinds=_kinds(),
            exports=downloads.BUTTONS,
            name_of=name_of,
            event_names=event_names.of(events),
        )

    @expose("/export/<form>/", methods=("POST",))
    def export(self, form: str) -> Response:
        """What the filter finds, all pages of it, the oldest first."""
        downloads.check(form)
        try:
            wanted = _asked()
        except ValueError as error:
            raise Refused("", asked.FAULT) from error
        with db.transaction():
            parts = event_log.export(acting(), wanted, form)
        return downloads.export(parts, form, "events")


def _asked() -> EventFilter:
    """The filter that the address names; ValueError for what is no date or number."""
    values: dict[str, Any] = {name: text(name, most=most) for name, most in _TEXTS.items()}
    values |= {name: asked.day(text(name, most=10), plus) for name, plus in _DAYS.items()}
    values["device"] = asked.number(text("device", most=20))
    return EventFilter(**{name: value for name, value in values.items() if value})


def page_of(wanted: EventFilter) -> Any:
    """A page; a cursor that is none begins anew, a search that is too wide is refused."""
    try:
        return event_log.page(acting(), wanted, cursor=paging.cursor(), limit=paging.PER_PAGE)
    except Refused as error:
        if error.field != "cursor":
            raise
        return event_log.page(acting(), wanted, limit=paging.PER_PAGE)


def _kinds() -> list[tuple[str, list[tuple[str, str]]]]:
    """What occurs, by area of the catalogue; what a former release wrote comes last."""
    left = dict.fromkeys(event_log.kinds(), "")
    groups = []
    for area, kinds in AREAS.items():
        there = [(one.name, one.title) for one in kinds if left.pop(one.name, None) is not None]
        groups.append((area, there))
    groups.append(("Others", [(name, name) for name in left]))
    return [(area, there) for area, there in groups if there]
