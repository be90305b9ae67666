"""/api/mdm/devices/: the list, one device, and what is done to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response

from zmdm_plugin import db
from zmdm_plugin.blueprints.api import paging
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas.devices import (
    ChannelSchema,
    DeviceExportQuery,
    DeviceQuery,
    DeviceSchema,
    UserQuery,
)
from zmdm_plugin.blueprints.api.schemas.fields import EXPORTED, PageQuery
from zmdm_plugin.errors import Conflict
from zmdm_plugin.models import Channel, Device
from zmdm_plugin.services import (
    access,
    audit,
    credential_lists,
    device_export,
    devices,
    release,
    wake,
)
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
    return _change(device_id, "device.block", release.block)


@blueprint.route(f"/<{ID}:device_id>/unblock/", methods=["POST"])
@blueprint.operation(access.CHANGE_DEVICES, 404, 409)
@blueprint.response(200, DeviceSchema)
def unblock_device(device_id: int) -> devices.Shown:
    """Unblock a device

    It can enroll again. A device that is not blocked is a 409.
    """
    return _change(device_id, "device.unblock", release.unblock)


@blueprint.route(f"/<{ID}:device_id>/poke/", methods=["POST"])
@blueprint.operation(access.CHANGE_DEVICES, 404, 409)
@blueprint.response(200, DeviceSchema)
def poke_device(device_id: int) -> devices.Shown:
    """Wake a device

    It is sent a push, and asks for commands when that arrives.
    """
    return _change(device_id, "device.poke", _poke)


def _poke(device: Device) -> None:
    channel = devices.channel(device.id)
    if channel.push_token is None or channel.ended_at is not None:
        raise Conflict("the device is not enrolled, so it cannot be woken")
    wake.channel(channel)


def _change(device_id: int, action: str, change: Callable[[Device], object]) -> devices.Shown:
    """Do it, say so in the audit, and show what became of it."""
    actor = api_actor()
    devices.find(actor, device_id, access.CHANGE_DEVICES)
    with db.transaction():
        device = devices.locked(device_id)
        before = {"blocked_at": device.blocked_at}
        change(device)
        audit.record(actor, action, device, before=before, after={"blocked_at": device.blocked_at})
    return devices.get(device_id)
