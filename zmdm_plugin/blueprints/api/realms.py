"""/api/mdm/realms/: where people are known."""

from __future__ import annotations

from typing import Any

from zmdm_plugin import db
from zmdm_plugin.blueprints.api import paging
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas.realms import (
    NewRealm,
    RealmChange,
    RealmQuery,
    RealmSchema,
    TestedSchema,
)
from zmdm_plugin.models import Realm
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access, audit, credential_lists
from zmdm_plugin.services.realms import health, provider, realms
from zmdm_plugin.web.actor import api_actor

blueprint = Resource("realms", path="/realms", description="Where people are known.")


@blueprint.route("/")
@blueprint.arguments(RealmQuery, location="query")
@blueprint.operation(access.VIEW_REALMS)
@blueprint.response(200, RealmSchema(many=True), headers=paging.HEADERS)
def list_realms(query: dict[str, Any]) -> Any:
    """List realms"""
    return paging.rows(Realm, access.VIEW_REALMS, query)


@blueprint.route("/", methods=["POST"])
@blueprint.arguments(NewRealm)
@blueprint.operation(access.ADD_REALMS, 400, 413, 415)
@blueprint.response(201, RealmSchema)
def create_realm(asked: dict[str, Any]) -> Realm:
    """Make a realm

    Its secret is sealed, and shown nowhere again. The provider is not asked yet: test it then.
    """
    actor = api_actor()
    access.demand(actor, access.ADD_REALMS)
    with db.transaction():
        row = realms.create(asked.pop("name"), asked.pop("backend"), **asked)
        audit.record(actor, "realm.create", row, after=audit.snapshot(row))
    return row


@blueprint.route(f"/<{ID}:realm_id>/")
@blueprint.operation(access.VIEW_REALMS, 404)
@blueprint.response(200, RealmSchema)
def get_realm(realm_id: int) -> Realm:
    """Show a realm"""
    return _find(realm_id, access.VIEW_REALMS)


@blueprint.route(f"/<{ID}:realm_id>/", methods=["PATCH"])
@blueprint.arguments(RealmChange)
@blueprint.operation(access.CHANGE_REALMS, 400, 404, 413, 415)
@blueprint.response(200, RealmSchema)
def change_realm(asked: dict[str, Any], realm_id: int) -> Realm:
    """Change a realm

    What is not named stays, its secret too; the backend always does.
    """
    _find(realm_id, access.CHANGE_REALMS)
    with db.transaction():
        row = realms.find(realm_id)
        before = audit.snapshot(row)
        realms.update(row, asked)
        audit.record(api_actor(), "realm.change", row, before=before, after=audit.snapshot(row))
    return row


@blueprint.route(f"/<{ID}:realm_id>/", methods=["DELETE"])
@blueprint.operation(access.DELETE_REALMS, 404, 409)
@blueprint.response(204)
def delete_realm(realm_id: int) -> None:
    """Delete a realm

    A 409 as long as an enrollment uses it, or people of it are known.
    """
    _find(realm_id, access.DELETE_REALMS)
    with db.transaction():
        row = realms.find(realm_id)
        audit.record(api_actor(), "realm.delete", row, before=audit.snapshot(row))
        realms.delete(row)


@blueprint.route(f"/<{ID}:realm_id>/test/", methods=["POST"])
@blueprint.operation(access.CHANGE_REALMS, 404)
@blueprint.response(200, TestedSchema)
def test_realm(realm_id: int) -> dict[str, Any]:
    """Test a realm

    Asks its provider now, and answers after half a minute at most; nobody signs in. What is wrong
    is kept with the realm.
    """
    _find(realm_id, access.CHANGE_REALMS)
    with db.transaction():
        row = realms.find(realm_id)
        asked = provider.of(row)
        audit.record(api_actor(), "realm.test", row)
    try:
        found, ok = provider.test(asked), True
    except provider.ProviderFailed as error:
        found, ok = str(error), False
    with db.transaction():
        health.tested(realms.find(realm_id), None if ok else found, now=utcnow())
    return {"ok": ok, "message": found}


def _find(realm_id: int, permission: str) -> Realm:
    return credential_lists.find(Realm, realm_id, actor=api_actor(), permission=permission)
