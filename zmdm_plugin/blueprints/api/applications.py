"""/api/mdm/applications/: what is installed where, over the whole fleet."""

from __future__ import annotations

from typing import Any

from flask import Response

from zmdm_plugin import db
from zmdm_plugin.blueprints.api import paging
from zmdm_plugin.blueprints.api.resource import Resource
from zmdm_plugin.blueprints.api.schemas.fields import EXPORTED
from zmdm_plugin.blueprints.api.schemas.packages import (
    ApplicationExportQuery,
    ApplicationQuery,
    ApplicationSchema,
)
from zmdm_plugin.services import access, audit
from zmdm_plugin.services.applications import search
from zmdm_plugin.services.applications.search import ApplicationFilter
from zmdm_plugin.web.actor import api_actor
from zmdm_plugin.web.download import streamed

blueprint = Resource(
    "applications", path="/applications", description="What is installed on devices."
)


@blueprint.route("/")
@blueprint.arguments(ApplicationQuery, location="query")
@blueprint.operation(access.VIEW_DEVICES)
@blueprint.response(200, ApplicationSchema(many=True), headers=paging.HEADERS)
def list_applications(query: dict[str, Any]) -> Any:
    """List installed applications

    Of all devices, as their lists and reports tell; by words, identifier, version or device.
    """
    actor = api_actor()
    access.demand(actor, access.VIEW_DEVICES)
    limit, cursor = query.pop("limit"), query.pop("cursor", None)
    found = search.page(actor, ApplicationFilter(**query), cursor=cursor, limit=limit)
    return paging.answer(found, limit)


@blueprint.route("/export/")
@blueprint.arguments(ApplicationExportQuery, location="query")
@blueprint.operation(access.VIEW_DEVICES)
@blueprint.doc(responses={200: {"description": "All of them.", "content": EXPORTED}})
def export_applications(query: dict[str, Any]) -> Response:
    """Export installed applications

    As CSV or JSON Lines, streamed; written to the audit.
    """
    actor = api_actor()
    access.demand(actor, access.VIEW_DEVICES)
    kind = query.pop("format")
    with db.transaction():
        audit.record(actor, "application.export", reason=kind)
    return streamed(search.export(actor, ApplicationFilter(**query), kind), kind, "applications")
