"""/api/mdm/assets/ and …/location_assets/: apps and books, their licences and who holds them."""

from __future__ import annotations

from typing import Any

from flask import Response

from zmdm_plugin import db
from zmdm_plugin.blueprints.api import paging
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas import apps_books as shown
from zmdm_plugin.blueprints.api.schemas.apps_books import (
    AssetQuery,
    AssetSchema,
    AssignmentQuery,
    AssignmentSchema,
    LicenceOrder,
    LocationAssetQuery,
    LocationAssetSchema,
)
from zmdm_plugin.blueprints.api.schemas.tasks import TaskSchema
from zmdm_plugin.blueprints.api.task_results import accepted
from zmdm_plugin.errors import NotFound, Refused
from zmdm_plugin.models import LocationAsset
from zmdm_plugin.services import access, bulk_licences
from zmdm_plugin.services.apps_books import listing
from zmdm_plugin.services.bulk import Which, count
from zmdm_plugin.services.device_filter import DeviceFilter
from zmdm_plugin.web.actor import api_actor

assets = Resource("assets", path="/assets", description="Apps and books of the store.")
blueprint = Resource(
    "location_assets", path="/location_assets", description="Licences of apps and books."
)
_BINARY = {"type": "string", "format": "binary"}


@assets.route("/")
@assets.arguments(AssetQuery, location="query")
@assets.operation(access.VIEW_ASSETS)
@assets.response(200, AssetSchema(many=True), headers=paging.HEADERS)
def list_assets(query: dict[str, Any]) -> Any:
    """List apps and books"""
    access.demand(api_actor(), access.VIEW_ASSETS)
    return paging.answer(listing.assets(**query).map(shown.asset), query["limit"])


@assets.route(f"/<{ID}:asset_id>/")
@assets.operation(access.VIEW_ASSETS, 404)
@assets.response(200, AssetSchema)
def get_asset(asset_id: int) -> dict[str, Any]:
    """Show an app or book"""
    access.demand(api_actor(), access.VIEW_ASSETS)
    return shown.asset(listing.find_asset(asset_id))


@assets.route(f"/<{ID}:asset_id>/icon/")
@assets.operation(access.VIEW_ASSETS, 404)
@assets.response(200, _BINARY, content_type="image/png")
def get_asset_icon(asset_id: int) -> Response:
    """Download the icon of an app or book"""
    access.demand(api_actor(), access.VIEW_ASSETS)
    row = listing.find_asset(asset_id)
    if row.icon is None:
        raise NotFound("no icon is kept of this asset")
    return Response(row.icon, mimetype=row.icon_type)


@blueprint.route("/")
@blueprint.arguments(LocationAssetQuery, location="query")
@blueprint.operation(access.VIEW_LOCATION_ASSETS)
@blueprint.response(200, LocationAssetSchema(many=True), headers=paging.HEADERS)
def list_location_assets(query: dict[str, Any]) -> Any:
    """List what locations have"""
    access.demand(api_actor(), access.VIEW_LOCATION_ASSETS)
    return paging.answer(listing.location_assets(**query), query["limit"])


@blueprint.route(f"/<{ID}:location_asset_id>/")
@blueprint.operation(access.VIEW_LOCATION_ASSETS, 404)
@blueprint.response(200, LocationAssetSchema)
def get_location_asset(location_asset_id: int) -> LocationAsset:
    """Show what a location has of an asset"""
    access.demand(api_actor(), access.VIEW_LOCATION_ASSETS)
    return listing.find_location_asset(location_asset_id)


@blueprint.route(f"/<{ID}:location_asset_id>/assignments/")
@blueprint.arguments(AssignmentQuery, location="query")
@blueprint.operation(access.VIEW_LOCATION_ASSETS, 404)
@blueprint.response(200, AssignmentSchema(many=True), headers=paging.HEADERS)
def list_assignments(query: dict[str, Any], location_asset_id: int) -> Any:
    """List who holds or waits for a licence"""
    access.demand(api_actor(), access.VIEW_LOCATION_ASSETS)
    row = listing.find_location_asset(location_asset_id)
    page = listing.licences(row.id, **query)
    return paging.answer(page.map(shown.assignment), query["limit"])


@blueprint.route(f"/<{ID}:location_asset_id>/assign/", methods=["POST"])
@blueprint.arguments(LicenceOrder)
@blueprint.operation(access.CHANGE_LOCATION_ASSETS, 400, 404, 409, 413, 415)
@blueprint.response(201, TaskSchema)
def assign_licences(asked: dict[str, Any], location_asset_id: int) -> dict[str, str]:
    """Assign licences to devices

    To these `serial_numbers`, or to all that match `filter`, whose `count` devices/count/ tells.
    They are noted by a task and ordered of Apple as fast as it allows.
    """
    return _order("assign", asked, location_asset_id)


@blueprint.route(f"/<{ID}:location_asset_id>/revoke/", methods=["POST"])
@blueprint.arguments(LicenceOrder)
@blueprint.operation(access.CHANGE_LOCATION_ASSETS, 400, 404, 409, 413, 415)
@blueprint.response(201, TaskSchema)
def revoke_licences(asked: dict[str, Any], location_asset_id: int) -> dict[str, str]:
    """Take licences back from devices

    Whoever assigned them. A device whose blueprint still brings the app (`scoped`) keeps its
    licence; the `kept` of the task's result says how many do.
    """
    return _order("revoke", asked, location_asset_id)


def _order(action: str, asked: dict[str, Any], location_asset_id: int) -> dict[str, str]:
    actor = api_actor()
    access.demand(actor, access.CHANGE_LOCATION_ASSETS)
    row = listing.find_location_asset(location_asset_id)
    numbers = asked.get("serial_numbers", ())
    if bool(numbers) == ("filter" in asked):
        raise Refused("serial_numbers", "give either serial_numbers or filter")
    which, confirmed = None, len(numbers)
    if "filter" in asked:
        access.demand(actor, access.VIEW_DEVICES)
        if "count" not in asked:
            raise Refused("count", "is required with a filter; devices/count/ tells it")
        wanted, confirmed = DeviceFilter(**asked["filter"]), asked["count"]
        which = Which(filter=wanted, up_to=asked.get("up_to") or count(actor, wanted).up_to)
    with db.transaction():
        run = bulk_licences.start(
            actor, row, action, which=which, numbers=numbers, confirmed=confirmed
        )
        answer = accepted(run)
    return answer
