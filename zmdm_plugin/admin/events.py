"""Events: what happened on the fleet, the newest first."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Response
from flask_admin import expose

from zmdm_plugin.admin import event_names, paging
from zmdm_plugin.admin.device_facts import name_of
from zmdm_plugin.admin.screen import Screen, acting, session, text
from zmdm_plugin.models import Device, Event
from zmdm_plugin.services import access

_MOST_KINDS = 200


class EventList(Screen):
    """Events of all devices that the one who acts may see."""

    permission = access.VIEW_DEVICES

    @expose("/")
    def index(self) -> Response:
        """One page of the list."""
        query = sa.select(Event)
        if kind := text("kind", most=64):
            query = query.where(Event.kind == kind)
        scope = access.row_scope(acting(), access.VIEW_DEVICES)
        if scope is not None:
            query = query.join(Device, Device.id == Event.device_id).where(scope)
        page = paging.newest_first(query, Event.id)
        ids = {event.device_id for event in page.items if event.device_id}
        rows = session().scalars(sa.select(Device).where(Device.id.in_(ids)))
        return self.page(
            "zmdm/events.html",
            title="Events",
            page=page,
            devices={device.id: device for device in rows},
            kind=kind,
            kinds=_kinds(),
            name_of=name_of,
            event_names=event_names.of(page.items),
        )


def _kinds() -> list[str]:
    """The kinds that occur: a jump from one to the next along the index, not a walk over all."""
    first = sa.select(sa.func.min(Event.kind).label("kind")).cte(recursive=True)
    following = (
        sa.select(sa.func.min(Event.kind)).where(Event.kind > first.c.kind).scalar_subquery()
    )
    walk = first.union_all(sa.select(following).where(first.c.kind.is_not(None)))
    query = sa.select(walk.c.kind).where(walk.c.kind.is_not(None)).limit(_MOST_KINDS)
    return list(session().scalars(query))
