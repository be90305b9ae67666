"""/api/mdm/devices/bulk/: one order to many devices, and how many that would be."""

from __future__ import annotations

from typing import Any

from zmdm_plugin import db
from zmdm_plugin.blueprints.api.resource import Resource
from zmdm_plugin.blueprints.api.schemas.tags import BulkFilter, CountSchema, NewBulk
from zmdm_plugin.blueprints.api.schemas.tasks import TaskSchema
from zmdm_plugin.blueprints.api.task_results import accepted
from zmdm_plugin.errors import Refused
from zmdm_plugin.services import access, bulk
from zmdm_plugin.services.bulk_actions import prepare
from zmdm_plugin.services.device_filter import DeviceFilter
from zmdm_plugin.web.actor import api_actor

blueprint = Resource("bulk", path="/devices", description="One order to many devices.")


@blueprint.route("/count/")
@blueprint.arguments(BulkFilter, location="query")
@blueprint.operation(access.VIEW_DEVICES)
@blueprint.response(200, CountSchema)
def count_devices(query: dict[str, Any]) -> dict[str, int]:
    """Count devices

    What a bulk action with this filter would reach; it asks for these numbers.
    """
    actor = api_actor()
    access.demand(actor, access.VIEW_DEVICES)
    found = bulk.count(actor, DeviceFilter(**query))
    return {"count": found.number, "up_to": found.up_to}


@blueprint.route("/bulk/", methods=["POST"])
@blueprint.arguments(NewBulk)
@blueprint.operation(access.VIEW_DEVICES, 400, 409, 413, 415)
@blueprint.response(201, TaskSchema)
def start_bulk(asked: dict[str, Any]) -> dict[str, str]:
    """Act on many devices

    Either `ids`, or `filter` with `count` (and `up_to`) from devices/count/: if more devices match
    by now it is a 409, and nothing is done. Each device is asked for by itself; what one cannot do
    is left out, and the task's result says why. The action asks for its own permission as well,
    a command for that of the command.
    """
    actor = api_actor()
    access.demand(actor, access.VIEW_DEVICES)
    access.demand(actor, prepare(asked["action"], asked["args"]).permission)
    which, confirmed = _which(asked)
    with db.transaction():
        run = bulk.start(actor, asked["action"], which, args=asked["args"], confirmed=confirmed)
        answer = accepted(run)
    return answer


def _which(asked: dict[str, Any]) -> tuple[bulk.Which, int]:
    """The devices, and how many the caller thinks that they are."""
    if ("ids" in asked) == ("filter" in asked):
        raise Refused("ids", "give either ids or filter")
    if "ids" in asked:
        ids = tuple(sorted(set(asked["ids"])))
        return bulk.Which(ids=ids), asked.get("count", len(ids))
    if "count" not in asked:
        raise Refused("count", "is required with a filter; devices/count/ tells it")
    wanted = DeviceFilter(**asked["filter"])
    up_to = asked.get("up_to") or bulk.count(api_actor(), wanted).up_to
    return bulk.Which(filter=wanted, up_to=up_to), asked["count"]
