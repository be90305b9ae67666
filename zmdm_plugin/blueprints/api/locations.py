"""/api/mdm/locations/: content tokens of Apps & Books, and how they stand with Apple."""

from __future__ import annotations

from typing import Any

from zmdm_plugin import db
from zmdm_plugin.blueprints.api import paging
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas import apps_books as shown
from zmdm_plugin.blueprints.api.schemas.apps_books import (
    AppsLocationSchema,
    ContentTokenUpload,
    LocationHealthSchema,
    LocationName,
    LocationQuery,
    NewSync,
)
from zmdm_plugin.blueprints.api.schemas.tasks import TaskSchema
from zmdm_plugin.blueprints.api.task_results import accepted
from zmdm_plugin.models import Location
from zmdm_plugin.services import access
from zmdm_plugin.services.apps_books import connection, listing, locations, removal, syncing
from zmdm_plugin.web.actor import api_actor

blueprint = Resource("locations", path="/locations", description="Locations of Apps and Books.")
_ONE = f"/<{ID}:location_id>"


@blueprint.route("/")
@blueprint.arguments(LocationQuery, location="query")
@blueprint.operation(access.VIEW_LOCATIONS)
@blueprint.response(200, AppsLocationSchema(many=True), headers=paging.HEADERS)
def list_locations(query: dict[str, Any]) -> Any:
    """List locations"""
    access.demand(api_actor(), access.VIEW_LOCATIONS)
    return paging.answer(listing.locations(**query), query["limit"])


@blueprint.route("/", methods=["POST"])
@blueprint.arguments(ContentTokenUpload)
@blueprint.operation(access.ADD_LOCATIONS, 400, 409, 413, 415)
@blueprint.response(201, AppsLocationSchema)
def create_location(asked: dict[str, Any]) -> Location:
    """Add a location by its content token

    Apple is asked whose it is; then it is registered and read in the background, see `health/`. A
    location that is here already, or that another server manages, is a 409.
    """
    actor = api_actor()
    access.demand(actor, access.ADD_LOCATIONS)
    found = locations.inspect(asked["token"])
    with db.transaction():
        row = locations.create(actor, found, take_over=asked["take_over"])
        syncing.start(actor, row, "full")
    return row


@blueprint.route(f"{_ONE}/")
@blueprint.operation(access.VIEW_LOCATIONS, 404)
@blueprint.response(200, AppsLocationSchema)
def get_location(location_id: int) -> Location:
    """Show a location"""
    access.demand(api_actor(), access.VIEW_LOCATIONS)
    return connection.find(location_id)


@blueprint.route(f"{_ONE}/", methods=["DELETE"])
@blueprint.arguments(LocationName, location="query")
@blueprint.operation(access.DELETE_LOCATIONS, 400, 404, 409)
@blueprint.response(201, TaskSchema)
def delete_location(asked: dict[str, Any], location_id: int) -> dict[str, str]:
    """Delete a location

    With all that is known of its apps and licences, by a task; `name` repeats its name. Nothing is
    given back: licences stay assigned at Apple. While artifacts install its apps it is a 409 that
    names them.
    """
    actor = api_actor()
    access.demand(actor, access.DELETE_LOCATIONS)
    with db.transaction():
        row = connection.find(location_id, lock=True)
        answer = accepted(removal.start(actor, row, name=asked.get("name") or ""))
    return answer


@blueprint.route(f"{_ONE}/health/")
@blueprint.operation(access.VIEW_LOCATIONS, 404)
@blueprint.response(200, LocationHealthSchema)
def get_location_health(location_id: int) -> dict[str, Any]:
    """Show how a location stands with Apple

    Who manages it, when it was read, what went wrong, and of how many apps licences are short.
    """
    access.demand(api_actor(), access.VIEW_LOCATIONS)
    row = connection.find(location_id)
    totals = listing.totals([row.id]).get(row.id, (0, 0, 0))
    return shown.health(row, totals, syncing.running(row.id))


@blueprint.route(f"{_ONE}/token/", methods=["PUT"])
@blueprint.arguments(ContentTokenUpload)
@blueprint.operation(access.CHANGE_LOCATIONS, 400, 404, 409, 413, 415)
@blueprint.response(200, AppsLocationSchema)
def renew_location_token(asked: dict[str, Any], location_id: int) -> Location:
    """Renew the content token of a location

    Only with a token of the same location; licences and their assignments stay.
    """
    actor = api_actor()
    access.demand(actor, access.CHANGE_LOCATIONS)
    connection.find(location_id)
    found = locations.inspect(asked["token"])
    with db.transaction():
        row = connection.find(location_id, lock=True)
        locations.renew(actor, row, found, take_over=asked["take_over"])
    return row


@blueprint.route(f"{_ONE}/sync/", methods=["POST"])
@blueprint.arguments(NewSync)
@blueprint.operation(access.CHANGE_LOCATIONS, 400, 404, 409, 413, 415)
@blueprint.response(201, TaskSchema)
def sync_location(asked: dict[str, Any], location_id: int) -> dict[str, str]:
    """Sync a location

    It is synced every few hours anyway. While one sync is under way a second one is a 409.
    """
    actor = api_actor()
    access.demand(actor, access.CHANGE_LOCATIONS)
    with db.transaction():
        answer = accepted(syncing.start(actor, connection.find(location_id), asked["mode"]))
    return answer


@blueprint.route(f"{_ONE}/take_over/", methods=["POST"])
@blueprint.operation(access.CHANGE_LOCATIONS, 404, 409)
@blueprint.response(201, TaskSchema)
def take_location_over(location_id: int) -> dict[str, str]:
    """Take a location back from another server

    That server then stops assigning its licences. `health/` tells who it is; a location that is
    managed from here is a 409.
    """
    actor = api_actor()
    access.demand(actor, access.CHANGE_LOCATIONS)
    with db.transaction():
        row = locations.take_back(actor, connection.find(location_id, lock=True))
        answer = accepted(syncing.start(actor, row, "full"))
    return answer
