"""/api/mdm/devices/: the list, one device, and what is done to it."""

from __future__ import annotations

from typing import Any

from flask import Response

from zmdm_plugin import db
from zmdm_plugin.blueprints.api import paging
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas.devices import (
    ChannelSchema,
    DeviceDeletion,
    DeviceExportQuery,
    DeviceQuery,
    DeviceSchema,
    UserQuery,
)
from zmdm_plugin.blueprints.api.schemas.fields import EXPORTED, PageQuery
from zmdm_plugin.blueprints.api.schemas.tasks import TaskSchema
from zmdm_plugin.blueprints.api.task_results import accepted
from zmdm_plugin.models import Channel
from zmdm_plugin.services import (
    access,
    bulk,
    credential_lists,
    deletion,
    device_changes,
    device_export,
    devices,
)
from zmdm_plugin.services.bulk import Which
from zmdm_plugin.services.bulk_actions import DELETE
from zmdm_plugin.web.actor import api_actor
from zmdm_plugin.web.download import streamed

blueprint = Resource("devices", path="/devices", description="Devices, and what is done to them.")


@blueprint.route("/")
@blueprint.arguments(DeviceQuery, location="query")
@blueprint.operation(access.VIEW_DEVICES)
@blueprint.response(200, DeviceSchema(many=True), headers=paging.HEADERS)
def list_devices(query: dict[str, Any]) -> Any:
    """List devices

    The devices that the token's owner may see, page by page.
    """
    limit, ordering, cursor = query.pop("limit"), query.pop("ordering"), query.pop("cursor", None)
    actor = api_actor()
    access.demand(actor, access.VIEW_DEVICES)
    asked = devices.DeviceFilter(**query)
    page = devices.page(actor, asked, ordering=ordering, cursor=cursor, limit=limit)
    return paging.answer(page, limit)


@blueprint.route("/export/")
@blueprint.arguments(DeviceExportQuery, location="query")
@blueprint.operation(access.VIEW_DEVICES)
@blueprint.doc(responses={200: {"description": "The devices.", "content": EXPORTED}})
def export_devices(query: dict[str, Any]) -> Response:
    """Export devices

    The chosen columns of all that the filter finds, by id, streamed. That it was exported is
    written to the audit.
    """
    actor = api_actor()
    access.demand(actor, access.VIEW_DEVICES)
    kind, columns = query.pop("format"), query.pop("columns", ())
    with db.transaction():
        parts = device_export.export(actor, devices.DeviceFilter(**query), kind, columns)
    return streamed(parts, kind, "devices")


@blueprint.route(f"/<{ID}:device_id>/")
@blueprint.operation(access.VIEW_DEVICES, 404)
@blueprint.response(200, DeviceSchema)
def get_device(device_id: int) -> devices.Shown:
    """Show a device"""
    devices.find(api_actor(), device_id, access.VIEW_DEVICES)
    return devices.get(device_id)


@blueprint.route(f"/<{ID}:device_id>/", methods=["DELETE"])
@blueprint.arguments(DeviceDeletion, location="query")
@blueprint.operation(access.DELETE_DEVICES, 404, 409)
@blueprint.response(201, TaskSchema)
def delete_device(query: dict[str, Any], device_id: int) -> dict[str, str]:
    """Delete a device

    Its row, its history and its secrets are gone for good; the audit keeps what it says of it. Its
    serial number has to be given again. One that is enrolled or blocked is a 409; one whose secrets
    we hold is a 422 unless `despite_secrets` says so. A task deletes it in slices.
    """
    actor = api_actor()
    device = devices.find(actor, device_id, access.DELETE_DEVICES)
    despite = query["despite_secrets"]
    deletion.confirm(device, query["serial_number"])
    deletion.check(device, despite_secrets=despite)
    with db.transaction():
        which, args = Which(ids=(device_id,)), {"despite_secrets": despite}
        answer = accepted(bulk.start(actor, DELETE, which, args=args, confirmed=1))
    return answer


@blueprint.route(f"/<{ID}:device_id>/channels/")
@blueprint.arguments(PageQuery, location="query")
@blueprint.operation(access.VIEW_DEVICES, 404)
@blueprint.response(200, ChannelSchema(many=True), headers=paging.HEADERS)
def list_channels(query: dict[str, Any], device_id: int) -> Any:
    """List the channels of a device

    Its own conversation and those of its users, the oldest first.
    """
    return _channels(device_id, query)


@blueprint.route(f"/<{ID}:device_id>/users/")
@blueprint.arguments(UserQuery, location="query")
@blueprint.operation(access.VIEW_DEVICES, 404)
@blueprint.response(200, ChannelSchema(many=True), headers=paging.HEADERS)
def list_users(query: dict[str, Any], device_id: int) -> Any:
    """List the users of a device

    Those whose channel this server manages: of a Mac, and of a Shared iPad.
    """
    if "active" in query:
        query["ended_at"] = not query.pop("active")
    return _channels(device_id, {**query, "kind": "user"})


def _channels(device_id: int, query: dict[str, Any]) -> Any:
    limit, cursor = query.pop("limit"), query.pop("cursor", None)
    device = devices.find(api_actor(), device_id, access.VIEW_DEVICES)
    asked = {**query, "device_id": device.id}
    return paging.answer(credential_lists.page(Channel, asked, cursor=cursor, limit=limit), limit)


@blueprint.route(f"/<{ID}:device_id>/block/", methods=["POST"])
@blueprint.operation(access.CHANGE_DEVICES, 404, 409)
@blueprint.response(200, DeviceSchema)
def block_device(device_id: int) -> devices.Shown:
    """Block a device

    It is released from management at its next request and can enroll again only once unblocked.
    A second time is a 409.
    """
    return _change(device_id, "block")


@blueprint.route(f"/<{ID}:device_id>/unblock/", methods=["POST"])
@blueprint.operation(access.CHANGE_DEVICES, 404, 409)
@blueprint.response(200, DeviceSchema)
def unblock_device(device_id: int) -> devices.Shown:
    """Unblock a device

    It can enroll again. A device that is not blocked is a 409.
    """
    return _change(device_id, "unblock")


@blueprint.route(f"/<{ID}:device_id>/poke/", methods=["POST"])
@blueprint.operation(access.CHANGE_DEVICES, 404, 409)
@blueprint.response(200, DeviceSchema)
def poke_device(device_id: int) -> devices.Shown:
    """Wake a device

    It is sent a push, and asks for commands when that arrives.
    """
    return _change(device_id, "poke")


@blueprint.route(f"/<{ID}:device_id>/unenroll/", methods=["POST"])
@blueprint.operation(access.UNENROLL_DEVICES, 404, 409)
@blueprint.response(200, DeviceSchema)
def unenroll_device(device_id: int) -> devices.Shown:
    """Unenroll a device

    It is asked to remove its enrollment profile, and woken for that. Until it has, its state is
    `leaving`; if it refuses, `leave_failure` says why. Its row, history and secrets stay, and it
    may enroll again.
    """
    return _change(device_id, "unenroll")


@blueprint.route(f"/<{ID}:device_id>/stay/", methods=["POST"])
@blueprint.operation(access.UNENROLL_DEVICES, 404, 409)
@blueprint.response(200, DeviceSchema)
def keep_device(device_id: int) -> devices.Shown:
    """Let a device stay

    Takes back that it was unenrolled or released, as long as it has not been told.
    """
    return _change(device_id, "stay")


@blueprint.route(f"/<{ID}:device_id>/release/", methods=["POST"])
@blueprint.operation(access.UNENROLL_DEVICES, 404, 409)
@blueprint.response(200, DeviceSchema)
def release_device(device_id: int) -> devices.Shown:
    """Release a device that is gone

    For one that does not come by any more, or does not leave when asked: it is no longer counted
    on, its licences are free, and should it come by, it is told to leave. It may enroll again.
    """
    return _change(device_id, "release")


@blueprint.route(f"/<{ID}:device_id>/archive/", methods=["POST"])
@blueprint.operation(access.ARCHIVE_DEVICES, 404, 409)
@blueprint.response(200, DeviceSchema)
def archive_device(device_id: int) -> devices.Shown:
    """Archive a device

    It is no longer in use: lists, counts and bulk actions leave it out. Its history and secrets
    stay. One that is enrolled is a 409; one that enrolls again comes out by itself.
    """
    return _change(device_id, "archive")


@blueprint.route(f"/<{ID}:device_id>/unarchive/", methods=["POST"])
@blueprint.operation(access.ARCHIVE_DEVICES, 404, 409)
@blueprint.response(200, DeviceSchema)
def unarchive_device(device_id: int) -> devices.Shown:
    """Take a device out of the archive"""
    return _change(device_id, "unarchive")


def _change(device_id: int, name: str) -> devices.Shown:
    """Do it, and show what became of it."""
    actor = api_actor()
    devices.find(actor, device_id, device_changes.CHANGES[name].permission)
    with db.transaction():
        device_changes.change(device_id, name, actor)
    return devices.get(device_id)
