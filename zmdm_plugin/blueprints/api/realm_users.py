"""/api/mdm/realm_users/: people who signed in, and local accounts."""

from __future__ import annotations

from typing import Any

from zmdm_plugin import db
from zmdm_plugin.blueprints.api import paging
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas.realms import (
    NewRealmUser,
    RealmUserChange,
    RealmUserQuery,
    RealmUserSchema,
)
from zmdm_plugin.errors import NotFound, Refused
from zmdm_plugin.models import Realm, RealmUser
from zmdm_plugin.services import access, audit, credential_lists
from zmdm_plugin.services.realms import accounts, listing, people, realms
from zmdm_plugin.services.realms.listing import PeopleFilter
from zmdm_plugin.web.actor import api_actor

blueprint = Resource(
    "realm_users", path="/realm_users", description="People of realms, and local accounts."
)


@blueprint.route("/")
@blueprint.arguments(RealmUserQuery, location="query")
@blueprint.operation(access.VIEW_PEOPLE)
@blueprint.response(200, RealmUserSchema(many=True), headers=paging.HEADERS)
def list_realm_users(query: dict[str, Any]) -> Any:
    """List people"""
    access.demand(api_actor(), access.VIEW_PEOPLE)
    how = {name: query.pop(name) for name in ("ordering", "cursor", "limit") if name in query}
    return paging.answer(listing.page(PeopleFilter(**query), **how), how["limit"])


@blueprint.route("/", methods=["POST"])
@blueprint.arguments(NewRealmUser)
@blueprint.operation(access.ADD_PEOPLE, 400, 409, 413, 415)
@blueprint.response(201, RealmUserSchema)
def create_realm_user(asked: dict[str, Any]) -> RealmUser:
    """Make a local account

    A 409 in a realm whose accounts live at its provider.
    """
    actor = api_actor()
    access.demand(actor, access.ADD_PEOPLE)
    with db.transaction():
        row = accounts.create(_realm(asked.pop("realm")), asked, password=asked.pop("password"))
        audit.record(actor, "realm_user.create", row, after=audit.snapshot(row))
    return row


@blueprint.route(f"/<{ID}:realm_user_id>/")
@blueprint.operation(access.VIEW_PEOPLE, 404)
@blueprint.response(200, RealmUserSchema)
def get_realm_user(realm_user_id: int) -> RealmUser:
    """Show a person"""
    return _find(realm_user_id, access.VIEW_PEOPLE)


@blueprint.route(f"/<{ID}:realm_user_id>/", methods=["PATCH"])
@blueprint.arguments(RealmUserChange)
@blueprint.operation(access.CHANGE_PEOPLE, 400, 404, 409, 413, 415)
@blueprint.response(200, RealmUserSchema)
def change_realm_user(asked: dict[str, Any], realm_user_id: int) -> RealmUser:
    """Change a local account

    What is not named stays. Changed names reach the profiles of the person's devices. A 409 for a
    person whose account lives at a provider.
    """
    _find(realm_user_id, access.CHANGE_PEOPLE)
    with db.transaction():
        row = listing.find(realm_user_id)
        before = audit.snapshot(row)
        accounts.change(row, asked)
        audit.record(
            api_actor(), "realm_user.change", row, before=before, after=audit.snapshot(row)
        )
    return row


@blueprint.route(f"/<{ID}:realm_user_id>/release/", methods=["POST"])
@blueprint.operation(access.CHANGE_PEOPLE, 404, 409)
@blueprint.response(200, RealmUserSchema)
def release_realm_user(realm_user_id: int) -> RealmUser:
    """Release a username

    For a provider that has given it to somebody else: whoever signs in with it next keeps it, and
    the devices that belong to it.
    """
    _find(realm_user_id, access.CHANGE_PEOPLE)
    with db.transaction():
        row = listing.find(realm_user_id)
        before = audit.snapshot(row)
        people.release(row)
        audit.record(
            api_actor(), "realm_user.release", row, before=before, after=audit.snapshot(row)
        )
    return row


@blueprint.route(f"/<{ID}:realm_user_id>/", methods=["DELETE"])
@blueprint.operation(access.DELETE_PEOPLE, 404, 409)
@blueprint.response(204)
def delete_realm_user(realm_user_id: int) -> None:
    """Forget a person

    A 409 for one who has devices.
    """
    _find(realm_user_id, access.DELETE_PEOPLE)
    with db.transaction():
        row = listing.find(realm_user_id)
        audit.record(api_actor(), "realm_user.delete", row, before=audit.snapshot(row))
        people.delete(row)


def _realm(realm_id: int) -> Realm:
    try:
        return realms.find(realm_id)
    except NotFound as error:
        raise Refused("realm", str(error)) from error


def _find(realm_user_id: int, permission: str) -> RealmUser:
    return credential_lists.find(RealmUser, realm_user_id, actor=api_actor(), permission=permission)
