"""/api/mdm/audit/: who did what; the list, one entry, and exports that are streamed."""

from __future__ import annotations

from typing import Any

from flask import Response

from zmdm_plugin import db
from zmdm_plugin.blueprints.api import paging
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas.audit import (
    AuditEntrySchema,
    AuditExportQuery,
    AuditQuery,
)
from zmdm_plugin.blueprints.api.schemas.fields import EXPORTED
from zmdm_plugin.models import AuditEntry
from zmdm_plugin.services import access, audit_log
from zmdm_plugin.services.audit_log import AuditFilter
from zmdm_plugin.web.actor import api_actor
from zmdm_plugin.web.download import streamed

blueprint = Resource("audit", path="/audit", description="Who did what; never changed.")


@blueprint.route("/")
@blueprint.arguments(AuditQuery, location="query")
@blueprint.operation(access.VIEW_AUDIT)
@blueprint.response(200, AuditEntrySchema(many=True), headers=paging.HEADERS)
def list_audit_entries(query: dict[str, Any]) -> Any:
    """List audit entries

    The newest first. Where a host narrows what somebody may see: entries about those devices, and
    what they did themselves.
    """
    actor = api_actor()
    access.demand(actor, access.VIEW_AUDIT)
    limit, cursor = query.pop("limit"), query.pop("cursor", None)
    ordering = query.pop("ordering", None)
    page = audit_log.page(
        actor, AuditFilter(**query), ordering=ordering, cursor=cursor, limit=limit
    )
    return paging.answer(page, limit)


@blueprint.route(f"/<{ID}:entry_id>/")
@blueprint.operation(access.VIEW_AUDIT, 404)
@blueprint.response(200, AuditEntrySchema)
def get_audit_entry(entry_id: int) -> AuditEntry:
    """Show an audit entry"""
    actor = api_actor()
    access.demand(actor, access.VIEW_AUDIT)
    return audit_log.get(actor, entry_id)


@blueprint.route("/export/")
@blueprint.arguments(AuditExportQuery, location="query")
@blueprint.operation(access.VIEW_AUDIT)
@blueprint.doc(responses={200: {"description": "The entries.", "content": EXPORTED}})
def export_audit_entries(query: dict[str, Any]) -> Response:
    """Export audit entries

    All of the filter, the oldest first, streamed. That it was exported is an entry as well.
    """
    actor = api_actor()
    access.demand(actor, access.VIEW_AUDIT)
    kind = query.pop("format")
    with db.transaction():
        lines = audit_log.export(actor, AuditFilter(**query), kind)
    return streamed(lines, kind, "audit")
