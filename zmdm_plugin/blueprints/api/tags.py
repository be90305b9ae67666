"""/api/mdm/tags/, and the tags of a device."""

from __future__ import annotations

from typing import Any

from zmdm_plugin import db
from zmdm_plugin.blueprints.api import paging
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas.fields import PageQuery
from zmdm_plugin.blueprints.api.schemas.tags import DeviceTags, NewTag, TagChange, TagSchema
from zmdm_plugin.models import Tag
from zmdm_plugin.services import access, audit, devices, tags
from zmdm_plugin.web.actor import api_actor

blueprint = Resource("tags", path="/tags", description="Words on devices.")
on_devices = Resource("device_tags", path="/devices", description="The tags of a device.")


@blueprint.route("/")
@blueprint.arguments(PageQuery, location="query")
@blueprint.operation(access.VIEW_TAGS)
@blueprint.response(200, TagSchema(many=True), headers=paging.HEADERS)
def list_tags(query: dict[str, Any]) -> Any:
    """List tags"""
    access.demand(api_actor(), access.VIEW_TAGS)
    limit, cursor = query.pop("limit"), query.pop("cursor", None)
    return paging.answer(tags.page(cursor=cursor, limit=limit), limit)


@blueprint.route("/", methods=["POST"])
@blueprint.arguments(NewTag)
@blueprint.operation(access.ADD_TAGS, 400, 413, 415)
@blueprint.response(201, TagSchema)
def create_tag(asked: dict[str, Any]) -> Tag:
    """Make a tag"""
    actor = api_actor()
    access.demand(actor, access.ADD_TAGS)
    with db.transaction():
        tag = tags.create(asked["name"], color=asked["color"])
        audit.record(actor, "tag.create", tag, after=audit.snapshot(tag))
    return tag


@blueprint.route(f"/<{ID}:tag_id>/")
@blueprint.operation(access.VIEW_TAGS, 404)
@blueprint.response(200, TagSchema)
def get_tag(tag_id: int) -> Tag:
    """Show a tag"""
    access.demand(api_actor(), access.VIEW_TAGS)
    return tags.find(tag_id)


@blueprint.route(f"/<{ID}:tag_id>/", methods=["PATCH"])
@blueprint.arguments(TagChange)
@blueprint.operation(access.CHANGE_TAGS, 400, 404, 413, 415)
@blueprint.response(200, TagSchema)
def change_tag(asked: dict[str, Any], tag_id: int) -> Tag:
    """Rename or recolor a tag

    It stays on its devices.
    """
    actor = api_actor()
    access.demand(actor, access.CHANGE_TAGS)
    with db.transaction():
        tag = tags.find(tag_id)
        before = audit.snapshot(tag)
        tags.change(tag, name=asked.get("name"), color=asked.get("color"))
        audit.record(actor, "tag.change", tag, before=before, after=audit.snapshot(tag))
    return tag


@blueprint.route(f"/<{ID}:tag_id>/", methods=["DELETE"])
@blueprint.operation(access.DELETE_TAGS, 404, 409)
@blueprint.response(204)
def delete_tag(tag_id: int) -> None:
    """Delete a tag

    It is taken from every device. As long as a scope looks at it, this is a 409.
    """
    actor = api_actor()
    access.demand(actor, access.DELETE_TAGS)
    with db.transaction():
        tag = tags.find(tag_id)
        audit.record(actor, "tag.delete", tag, before=audit.snapshot(tag))
        tags.delete(tag)


@on_devices.route(f"/<{ID}:device_id>/tags/")
@on_devices.operation(access.VIEW_DEVICES, 404)
@on_devices.response(200, TagSchema(many=True))
def list_device_tags(device_id: int) -> list[Tag]:
    """List the tags of a device"""
    device = devices.find(api_actor(), device_id, access.VIEW_DEVICES)
    return tags.of([device.id]).get(device.id, [])


@on_devices.route(f"/<{ID}:device_id>/tags/", methods=["PUT"])
@on_devices.arguments(DeviceTags)
@on_devices.operation(access.CHANGE_DEVICES, 400, 404, 413, 415)
@on_devices.response(200, TagSchema(many=True))
def set_device_tags(asked: dict[str, Any], device_id: int) -> list[Tag]:
    """Set the tags of a device

    These and no others; a name that no tag has is a 422.
    """
    actor = api_actor()
    devices.find(actor, device_id, access.CHANGE_DEVICES)
    with db.transaction():
        device = devices.locked(device_id)
        tags.set_on(device, tags.called(asked["tags"]))
        audit.record(actor, "device.tag", device)
    return tags.of([device_id]).get(device_id, [])
