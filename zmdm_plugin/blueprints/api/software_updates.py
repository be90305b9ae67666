"""/api/mdm/software_updates/, …/software_update_enforcements/, and the updates of a device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zmdm_plugin import db
from zmdm_plugin.blueprints.api import paging
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas import software_updates as shown
from zmdm_plugin.blueprints.api.schemas.fields import PageQuery
from zmdm_plugin.blueprints.api.schemas.software_updates import (
    BlueprintEnforcementsSchema,
    DeviceUpdatesSchema,
    EnforcementChange,
    EnforcementQuery,
    EnforcementSchema,
    FeedSchema,
    NewEnforcement,
    PreviewSchema,
    SoftwareUpdateQuery,
    SoftwareUpdateSchema,
)
from zmdm_plugin.blueprints.api.schemas.tasks import TaskSchema
from zmdm_plugin.blueprints.api.task_results import accepted
from zmdm_plugin.models import SoftwareUpdateEnforcement
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access, audit, devices
from zmdm_plugin.services.artifacts import blueprints
from zmdm_plugin.services.keyset import Page
from zmdm_plugin.services.software_updates import enforcements, feed, listing, standing
from zmdm_plugin.services.software_updates.listing import UpdateFilter
from zmdm_plugin.web.actor import api_actor

blueprint = Resource("software_updates", path="/software_updates", description="What Apple offers.")
enforced = Resource(
    "software_update_enforcements",
    path="/software_update_enforcements",
    description="Which updates devices must install, and by when.",
)
on_blueprints = Resource(
    "blueprint_software_updates", path="/blueprints", description="The updates of a blueprint."
)
on_devices = Resource(
    "device_software_updates", path="/devices", description="The updates of a device."
)


@blueprint.route("/")
@blueprint.arguments(SoftwareUpdateQuery, location="query")
@blueprint.operation(access.VIEW_UPDATES)
@blueprint.response(200, SoftwareUpdateSchema(many=True), headers=paging.HEADERS)
def list_software_updates(query: dict[str, Any]) -> Any:
    """List software updates

    The newest first unless told; those that Apple lists no more are kept.
    """
    access.demand(api_actor(), access.VIEW_UPDATES)
    limit, ordering, cursor = query.pop("limit"), query.pop("ordering"), query.pop("cursor", None)
    page = listing.page(
        UpdateFilter(**query),
        today=utcnow().date(),
        ordering=ordering,
        cursor=cursor,
        limit=limit,
    )
    hardware = listing.devices_of([row.id for row in page.items])
    rows = page.map(lambda row: shown.update(row, hardware.get(row.id, [])))
    return paging.answer(rows, limit)


@blueprint.route("/feed/")
@blueprint.operation(access.VIEW_UPDATES)
@blueprint.response(200, FeedSchema)
def get_software_update_feed() -> dict[str, Any]:
    """Show how Apple's list stands here

    When it was read last, and what went wrong.
    """
    access.demand(api_actor(), access.VIEW_UPDATES)
    return shown.feed(feed.state())


@blueprint.route("/sync/", methods=["POST"])
@blueprint.operation(access.ADD_UPDATES, 409)
@blueprint.response(201, TaskSchema)
def sync_software_updates() -> dict[str, str]:
    """Fetch Apple's list of software updates

    It is fetched once a day anyway. The permissions to add, to change and to delete software
    updates are needed, all three. While one fetch is under way a second one is a 409.
    """
    actor = api_actor()
    for permission in access.SYNC_UPDATES:
        access.demand(actor, permission)
    with db.transaction():
        answer = accepted(feed.start(actor, now=utcnow()))
    return answer


@enforced.route("/")
@enforced.arguments(EnforcementQuery, location="query")
@enforced.operation(access.VIEW_ENFORCEMENTS)
@enforced.response(200, EnforcementSchema(many=True), headers=paging.HEADERS)
def list_software_update_enforcements(query: dict[str, Any]) -> Any:
    """List enforcements of software updates"""
    access.demand(api_actor(), access.VIEW_ENFORCEMENTS)
    page = enforcements.page(**query)
    return paging.answer(Page(_shown(page.items), page.next_cursor), query["limit"])


@enforced.route("/", methods=["POST"])
@enforced.arguments(NewEnforcement)
@enforced.operation(access.ADD_ENFORCEMENTS, 400, 413, 415)
@enforced.response(201, EnforcementSchema)
def create_software_update_enforcement(asked: dict[str, Any]) -> dict[str, Any]:
    """Make an enforcement of software updates

    Either `os_version` and `local_datetime`: that version by that moment. Or `max_os_version`:
    always the newest below it, so many days after its release. Devices of its blueprints are told.
    """
    actor = api_actor()
    access.demand(actor, access.ADD_ENFORCEMENTS)
    with db.transaction():
        row = enforcements.create(asked)
        audit.record(
            actor,
            "software_update_enforcement.create",
            row,
            after=audit.snapshot(row),
            reason=enforcements.whom(row),
        )
        answer = _shown([row])[0]
    return answer


@enforced.route(f"/<{ID}:enforcement_id>/")
@enforced.operation(access.VIEW_ENFORCEMENTS, 404)
@enforced.response(200, EnforcementSchema)
def get_software_update_enforcement(enforcement_id: int) -> dict[str, Any]:
    """Show an enforcement of software updates"""
    access.demand(api_actor(), access.VIEW_ENFORCEMENTS)
    return _shown([enforcements.find(enforcement_id)])[0]


@enforced.route(f"/<{ID}:enforcement_id>/", methods=["PUT"])
@enforced.arguments(EnforcementChange)
@enforced.operation(access.CHANGE_ENFORCEMENTS, 400, 404, 413, 415)
@enforced.response(200, EnforcementSchema)
def change_software_update_enforcement(
    asked: dict[str, Any], enforcement_id: int
) -> dict[str, Any]:
    """Change an enforcement of software updates

    The whole of it; only tags and blueprints that are not named stay as they are. A date that
    devices were shown already stays unless what it was made from has changed.
    """
    actor = api_actor()
    access.demand(actor, access.CHANGE_ENFORCEMENTS)
    with db.transaction():
        row = enforcements.find(enforcement_id)
        before = audit.snapshot(row)
        enforcements.change(row, asked)
        after = audit.snapshot(row)
        audit.record(
            actor,
            "software_update_enforcement.change",
            row,
            before=before,
            after=after,
            reason=enforcements.whom(row),
        )
        answer = _shown([row])[0]
    return answer


@enforced.route(f"/<{ID}:enforcement_id>/", methods=["DELETE"])
@enforced.operation(access.DELETE_ENFORCEMENTS, 404, 409)
@enforced.response(204)
def delete_software_update_enforcement(enforcement_id: int) -> None:
    """Delete an enforcement of software updates

    One that is part of a blueprint is a 409.
    """
    actor = api_actor()
    access.demand(actor, access.DELETE_ENFORCEMENTS)
    with db.transaction():
        row = enforcements.find(enforcement_id)
        audit.record(actor, "software_update_enforcement.delete", row, before=audit.snapshot(row))
        enforcements.delete(row)


@enforced.route(f"/<{ID}:enforcement_id>/preview/")
@enforced.arguments(PageQuery, location="query")
@enforced.operation(access.VIEW_ENFORCEMENTS, 404)
@enforced.response(200, PreviewSchema(many=True), headers=paging.HEADERS)
def preview_software_update_enforcement(query: dict[str, Any], enforcement_id: int) -> Any:
    """Show which device gets what, and when

    The enrolled devices of its platforms in its blueprints, those that the actor may see.
    """
    actor = api_actor()
    access.demand(actor, access.VIEW_ENFORCEMENTS)
    access.demand(actor, access.VIEW_DEVICES)
    row = enforcements.find(enforcement_id)
    limit = query["limit"]
    found = standing.preview(row, actor, now=utcnow(), cursor=query.get("cursor"), limit=limit)
    return paging.answer(found.map(shown.previewed), limit)


@on_blueprints.route(f"/<{ID}:blueprint_id>/software_update_enforcements/")
@on_blueprints.operation(access.VIEW_BLUEPRINTS, 404)
@on_blueprints.response(200, BlueprintEnforcementsSchema)
def get_blueprint_software_update_enforcements(blueprint_id: int) -> dict[str, Any]:
    """Show the enforcements of a blueprint"""
    access.demand(api_actor(), access.VIEW_BLUEPRINTS)
    row = blueprints.find(blueprint_id)
    return {"software_update_enforcements": enforcements.ids_on_blueprint(row.id)}


@on_blueprints.route(f"/<{ID}:blueprint_id>/software_update_enforcements/", methods=["PUT"])
@on_blueprints.arguments(BlueprintEnforcementsSchema)
@on_blueprints.operation(access.CHANGE_BLUEPRINTS, 400, 404, 413, 415)
@on_blueprints.response(200, BlueprintEnforcementsSchema)
def set_blueprint_software_update_enforcements(
    asked: dict[str, Any], blueprint_id: int
) -> dict[str, Any]:
    """Set the enforcements of a blueprint

    These and no others; its devices are told.
    """
    actor = api_actor()
    access.demand(actor, access.CHANGE_BLUEPRINTS)
    with db.transaction():
        row = blueprints.find(blueprint_id)
        enforcements.set_on_blueprint(row.id, asked["software_update_enforcements"])
        ids = enforcements.ids_on_blueprint(row.id)
        said = f"software update enforcements: {', '.join(map(str, ids)) or 'none'}"
        audit.record(actor, "blueprint.enforce_updates", row, reason=said)
    return {"software_update_enforcements": ids}


@on_devices.route(f"/<{ID}:device_id>/software_updates/")
@on_devices.operation(access.VIEW_DEVICES, 404)
@on_devices.response(200, DeviceUpdatesSchema)
def get_device_software_updates(device_id: int) -> dict[str, Any]:
    """Show the software updates of a device

    What it is told to install and by when, what it was told, what it says that it does, and what
    Apple offers it.
    """
    device = devices.find(api_actor(), device_id, access.VIEW_DEVICES)
    return shown.standing(standing.of_device(device, now=utcnow()))


def _shown(rows: Sequence[SoftwareUpdateEnforcement]) -> list[dict[str, Any]]:
    """As EnforcementSchema wants them; a fixed number of statements."""
    ids = [row.id for row in rows]
    tags, within = enforcements.tag_ids(ids), enforcements.blueprints_of(ids)
    counts = standing.counts(ids, actor=api_actor())
    plain = ("id", "name", "details_url", "platforms", "created_at", "updated_at")
    columns = (*plain, *enforcements.ONE_TIME, *enforcements.LATEST)
    return [
        {
            **{name: getattr(row, name) for name in columns},
            "tags": sorted(tags.get(row.id, ())),
            "blueprints": sorted(one.id for one in within.get(row.id, ())),
            "summary": enforcements.words(row),
            "devices_told": counts[row.id].told,
            "devices_failing": counts[row.id].failing,
            "devices_installed": counts[row.id].installed,
        }
        for row in rows
    ]
