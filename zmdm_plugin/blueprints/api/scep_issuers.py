"""/api/mdm/scep_issuers/: where devices get their identity from."""

from __future__ import annotations

from typing import Any

from zmdm_plugin import db
from zmdm_plugin.blueprints.api import paging
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas.issuers import (
    IssuerChange,
    IssuerQuery,
    NewIssuer,
    ScepIssuerSchema,
)
from zmdm_plugin.models import ScepIssuer
from zmdm_plugin.services import access, audit, credential_lists, issuers
from zmdm_plugin.web.actor import api_actor

blueprint = Resource(
    "scep_issuers", path="/scep_issuers", description="Where devices get their identity from."
)


@blueprint.route("/")
@blueprint.arguments(IssuerQuery, location="query")
@blueprint.operation(access.VIEW_SCEP_ISSUERS)
@blueprint.response(200, ScepIssuerSchema(many=True), headers=paging.HEADERS)
def list_scep_issuers(query: dict[str, Any]) -> Any:
    """List SCEP issuers"""
    return paging.rows(ScepIssuer, access.VIEW_SCEP_ISSUERS, query)


@blueprint.route("/", methods=["POST"])
@blueprint.arguments(NewIssuer)
@blueprint.operation(access.CHANGE_SCEP_ISSUERS, 400, 413, 415)
@blueprint.response(201, ScepIssuerSchema)
def create_scep_issuer(asked: dict[str, Any]) -> ScepIssuer:
    """Add a SCEP issuer

    One that stands elsewhere. Its challenge is sealed, and shown nowhere again.
    """
    actor = api_actor()
    access.demand(actor, access.CHANGE_SCEP_ISSUERS)
    with db.transaction():
        row = issuers.create(asked.pop("name"), asked.pop("url"), **asked)
        audit.record(actor, "issuer.create", row, after=audit.snapshot(row))
    return row


@blueprint.route(f"/<{ID}:issuer_id>/")
@blueprint.operation(access.VIEW_SCEP_ISSUERS, 404)
@blueprint.response(200, ScepIssuerSchema)
def get_scep_issuer(issuer_id: int) -> ScepIssuer:
    """Show a SCEP issuer"""
    return _find(issuer_id, access.VIEW_SCEP_ISSUERS)


@blueprint.route(f"/<{ID}:issuer_id>/", methods=["PATCH"])
@blueprint.arguments(IssuerChange)
@blueprint.operation(access.CHANGE_SCEP_ISSUERS, 400, 404, 409, 413, 415)
@blueprint.response(200, ScepIssuerSchema)
def change_scep_issuer(asked: dict[str, Any], issuer_id: int) -> ScepIssuer:
    """Change a SCEP issuer

    What is not named stays. Of the built-in issuer only the name can be changed.
    """
    _find(issuer_id, access.CHANGE_SCEP_ISSUERS)
    with db.transaction():
        row = db.session().get_one(ScepIssuer, issuer_id)
        before = audit.snapshot(row)
        issuers.update(row, asked)
        audit.record(api_actor(), "issuer.change", row, before=before, after=audit.snapshot(row))
    return row


@blueprint.route(f"/<{ID}:issuer_id>/", methods=["DELETE"])
@blueprint.operation(access.CHANGE_SCEP_ISSUERS, 404, 409)
@blueprint.response(204)
def delete_scep_issuer(issuer_id: int) -> None:
    """Delete a SCEP issuer

    A 409 as long as an enrollment uses it.
    """
    _find(issuer_id, access.CHANGE_SCEP_ISSUERS)
    with db.transaction():
        row = db.session().get_one(ScepIssuer, issuer_id)
        audit.record(api_actor(), "issuer.delete", row, before=audit.snapshot(row))
        issuers.delete(row)


def _find(issuer_id: int, permission: str) -> ScepIssuer:
    return credential_lists.find(ScepIssuer, issuer_id, actor=api_actor(), permission=permission)
