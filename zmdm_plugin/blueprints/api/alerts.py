"""/api/mdm/alerts/: what is wrong, who looks after it, and what is put off."""

from __future__ import annotations

from typing import Any

from zmdm_plugin import db
from zmdm_plugin.blueprints.api import paging
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas.alerts import (
    Acknowledgement,
    AlertQuery,
    AlertSchema,
    Snooze,
)
from zmdm_plugin.models import Alert
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access
from zmdm_plugin.services.alerts import handling, kinds, notices
from zmdm_plugin.web.actor import api_actor

blueprint = Resource("alerts", path="/alerts", description="What people must hear of.")


@blueprint.route("/")
@blueprint.arguments(AlertQuery, location="query")
@blueprint.operation(access.VIEW_ALERTS)
@blueprint.response(200, AlertSchema(many=True), headers=paging.HEADERS)
def list_alerts(query: dict[str, Any]) -> Any:
    """List alerts

    The newest first; without `state` those that nobody looks after yet.
    """
    access.demand(api_actor(), access.VIEW_ALERTS)
    found = handling.page(now=utcnow(), kind=query.pop("condition", None), **query)
    return paging.answer(found.map(_shown), query["limit"])


@blueprint.route(f"/<{ID}:alert_id>/")
@blueprint.operation(access.VIEW_ALERTS, 404)
@blueprint.response(200, AlertSchema)
def get_alert(alert_id: int) -> dict[str, Any]:
    """Show an alert"""
    access.demand(api_actor(), access.VIEW_ALERTS)
    return _shown(handling.find(alert_id))


@blueprint.route(f"/<{ID}:alert_id>/acknowledge/", methods=["POST"])
@blueprint.arguments(Acknowledgement)
@blueprint.operation(access.CHANGE_ALERTS, 400, 404, 409, 413, 415)
@blueprint.response(200, AlertSchema)
def acknowledge_alert(asked: dict[str, Any], alert_id: int) -> dict[str, Any]:
    """Acknowledge an alert

    Somebody looks after it. No more is told of it unless it gets worse, which takes this back, or
    until it is over. 409 once it is.
    """
    actor = api_actor()
    access.demand(actor, access.CHANGE_ALERTS)
    with db.transaction():
        row = handling.acknowledge(alert_id, note=asked["note"], actor=actor, now=utcnow())
    return _shown(row)


@blueprint.route(f"/<{ID}:alert_id>/snooze/", methods=["POST"])
@blueprint.arguments(Snooze)
@blueprint.operation(access.CHANGE_ALERTS, 400, 404, 409, 413, 415)
@blueprint.response(200, AlertSchema)
def snooze_alert(asked: dict[str, Any], alert_id: int) -> dict[str, Any]:
    """Snooze an alert

    Nobody is told of it before; if it is still so then, they are told again.
    """
    actor = api_actor()
    access.demand(actor, access.CHANGE_ALERTS)
    now = utcnow()
    until = asked.get("until") or now + handling.SNOOZES[asked["duration"]]
    with db.transaction():
        row = handling.snooze(alert_id, until=until, actor=actor, now=now)
    return _shown(row)


@blueprint.route(f"/<{ID}:alert_id>/snooze/", methods=["DELETE"])
@blueprint.operation(access.CHANGE_ALERTS, 404, 409)
@blueprint.response(200, AlertSchema)
def wake_alert(alert_id: int) -> dict[str, Any]:
    """End the snooze of an alert"""
    actor = api_actor()
    access.demand(actor, access.CHANGE_ALERTS)
    with db.transaction():
        row = handling.wake(alert_id, actor=actor)
    return _shown(row)


def _shown(row: Alert) -> dict[str, Any]:
    """The columns with the words of its kind."""
    plain = {name: getattr(row, name) for name in Alert.__table__.columns.keys()}
    return {
        **plain,
        "state": handling.state_of(row, now=utcnow()),
        "title": kinds.of(row.kind).title,
        "says": kinds.says(row.kind, row.facts),
        "do": kinds.do(row.kind, row.facts),
        "url": notices.url(row.id),
    }
