"""/api/mdm/events/: what happened; the list, one event, and exports that are streamed."""

from __future__ import annotations

from typing import Any

from flask import Response

from zmdm_plugin import db
from zmdm_plugin.blueprints.api import paging
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas.events import (
    EventExportQuery,
    EventQuery,
    EventSchema,
    shown,
)
from zmdm_plugin.blueprints.api.schemas.fields import EXPORTED
from zmdm_plugin.services import access, event_log
from zmdm_plugin.services.event_log import EventFilter
from zmdm_plugin.web.actor import api_actor
from zmdm_plugin.web.download import streamed

blueprint = Resource("events", path="/events", description="What happened, kind by kind.")


@blueprint.route("/")
@blueprint.arguments(EventQuery, location="query")
@blueprint.operation(access.VIEW_EVENTS)
@blueprint.response(200, EventSchema(many=True), headers=paging.HEADERS)
def list_events(query: dict[str, Any]) -> Any:
    """List events

    The newest first. Where a host narrows what somebody may see: events about those devices.
    """
    actor = api_actor()
    access.demand(actor, access.VIEW_EVENTS)
    limit, cursor = query.pop("limit"), query.pop("cursor", None)
    ordering = query.pop("ordering", None)
    page = event_log.page(
        actor, EventFilter(**query), ordering=ordering, cursor=cursor, limit=limit
    )
    return paging.answer(page.map(lambda pair: shown(*pair)), limit)


@blueprint.route(f"/<{ID}:event_id>/")
@blueprint.operation(access.VIEW_EVENTS, 404)
@blueprint.response(200, EventSchema)
def get_event(event_id: int) -> dict[str, Any]:
    """Show an event"""
    actor = api_actor()
    access.demand(actor, access.VIEW_EVENTS)
    return shown(*event_log.get(actor, event_id))


@blueprint.route("/export/")
@blueprint.arguments(EventExportQuery, location="query")
@blueprint.operation(access.VIEW_EVENTS)
@blueprint.doc(responses={200: {"description": "The events.", "content": EXPORTED}})
def export_events(query: dict[str, Any]) -> Response:
    """Export events

    All of the filter, the oldest first, streamed. That it was exported stands in the audit.
    """
    actor = api_actor()
    access.demand(actor, access.VIEW_EVENTS)
    kind = query.pop("format")
    with db.transaction():
        lines = event_log.export(actor, EventFilter(**query), kind)
    return streamed(lines, kind, "events")
