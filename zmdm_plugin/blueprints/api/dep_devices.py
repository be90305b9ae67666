"""/api/mdm/dep/devices/: what Apple has assigned to virtual servers, and who gets which profile."""

from __future__ import annotations

from typing import Any

from zmdm_plugin import db
from zmdm_plugin.blueprints.api import paging
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas import dep as shown
from zmdm_plugin.blueprints.api.schemas.dep import (
    DepAssignment,
    DepDeviceChange,
    DepDeviceQuery,
    DepDeviceSchema,
    DisownedSchema,
)
from zmdm_plugin.blueprints.api.schemas.tasks import TaskSchema
from zmdm_plugin.blueprints.api.task_results import accepted
from zmdm_plugin.models import DepDevice
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access
from zmdm_plugin.services.dep import listing, orders
from zmdm_plugin.services.dep.listing import DepFilter
from zmdm_plugin.web import dep as talking
from zmdm_plugin.web.actor import api_actor

blueprint = Resource(
    "dep_devices",
    path="/dep/devices",
    description="Devices that Apple has assigned to virtual servers.",
)
_ONE = f"/<{ID}:dep_device_id>"


@blueprint.route("/")
@blueprint.arguments(DepDeviceQuery, location="query")
@blueprint.operation(access.VIEW_DEP_DEVICES)
@blueprint.response(200, DepDeviceSchema(many=True), headers=paging.HEADERS)
def list_dep_devices(query: dict[str, Any]) -> Any:
    """List DEP devices

    Also those that Apple reports no more, unless `deleted` is false.
    """
    access.demand(api_actor(), access.VIEW_DEP_DEVICES)
    limit, ordering, cursor = query.pop("limit"), query.pop("ordering"), query.pop("cursor", None)
    page = listing.devices(DepFilter(**query), ordering=ordering, cursor=cursor, limit=limit)
    enrolled = listing.enrolled((row.serial_number for row in page.items), actor=api_actor())
    return paging.answer(page.map(lambda row: shown.device(row, enrolled)), limit)


@blueprint.route("/assign/", methods=["POST"])
@blueprint.arguments(DepAssignment)
@blueprint.operation(access.CHANGE_DEP_DEVICES, 400, 404, 409, 413, 415)
@blueprint.response(201, TaskSchema)
def assign_dep_devices(asked: dict[str, Any]) -> dict[str, str]:
    """Assign an enrollment to DEP devices

    To some by id, or to all of the enrollment's virtual server that match a filter. Without an
    enrollment (null) theirs is taken off, and the default enrollment does not come back to them.
    """
    actor = api_actor()
    access.demand(actor, access.CHANGE_DEP_DEVICES)
    enrollment_id = asked["enrollment"]
    with db.transaction():
        if "ids" in asked:
            run = orders.assign(asked["ids"], enrollment_id, actor=actor, now=utcnow())
        else:
            run = orders.assign_all(
                DepFilter(**asked["filter"]), enrollment_id, confirmed=asked["count"], actor=actor
            )
        answer = accepted(run)
    return answer


@blueprint.route(f"{_ONE}/")
@blueprint.operation(access.VIEW_DEP_DEVICES, 404)
@blueprint.response(200, DepDeviceSchema)
def get_dep_device(dep_device_id: int) -> dict[str, Any]:
    """Show a DEP device"""
    access.demand(api_actor(), access.VIEW_DEP_DEVICES)
    return _shown(listing.device(dep_device_id))


@blueprint.route(f"{_ONE}/", methods=["PUT"])
@blueprint.arguments(DepDeviceChange)
@blueprint.operation(access.CHANGE_DEP_DEVICES, 400, 404, 409, 413, 415)
@blueprint.response(200, DepDeviceSchema)
def change_dep_device(asked: dict[str, Any], dep_device_id: int) -> dict[str, Any]:
    """Assign an enrollment to a DEP device, or take it off

    Apple is told in the background; `assignment` says how far that is, and what stands in the way.
    """
    actor = api_actor()
    access.demand(actor, access.CHANGE_DEP_DEVICES)
    with db.transaction():
        orders.assign([dep_device_id], asked["enrollment"], actor=actor, now=utcnow())
        answer = _shown(listing.device(dep_device_id))
    return answer


@blueprint.route(f"{_ONE}/refresh/", methods=["POST"])
@blueprint.operation(access.CHANGE_DEP_DEVICES, 404, 409)
@blueprint.response(200, DepDeviceSchema)
def refresh_dep_device(dep_device_id: int) -> dict[str, Any]:
    """Read a DEP device from Apple again

    A 409 says that Apple does not know it as one of this virtual server.
    """
    actor = api_actor()
    access.demand(actor, access.CHANGE_DEP_DEVICES)
    return _shown(talking.refresh(dep_device_id, actor=actor))


@blueprint.route(f"{_ONE}/disown/", methods=["POST"])
@blueprint.operation(access.DISOWN_DEP_DEVICES, 404, 409)
@blueprint.response(200, DisownedSchema)
def disown_dep_device(dep_device_id: int) -> dict[str, str]:
    """Disown a DEP device

    It leaves the organization, and cannot be taken back by anybody here.
    """
    actor = api_actor()
    access.demand(actor, access.DISOWN_DEP_DEVICES)
    return {"result": talking.disown(dep_device_id, actor=actor)}


def _shown(row: DepDevice) -> dict[str, Any]:
    return shown.device(row, listing.enrolled([row.serial_number], actor=api_actor()))
