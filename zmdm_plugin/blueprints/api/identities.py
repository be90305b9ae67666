"""/api/mdm/identities/: the certificates of devices by their end, and how their renewal stands."""

from __future__ import annotations

from typing import Any

from zmdm_plugin import db
from zmdm_plugin.blueprints.api import paging
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas.identities import IdentityQuery, IdentitySchema
from zmdm_plugin.services import access, audit, devices, renewals
from zmdm_plugin.services.renewal_words import Standing
from zmdm_plugin.web.actor import api_actor

blueprint = Resource(
    "identities", path="/identities", description="Identity certificates of devices."
)


@blueprint.route("/")
@blueprint.arguments(IdentityQuery, location="query")
@blueprint.operation(access.VIEW_DEVICES)
@blueprint.response(200, IdentitySchema(many=True), headers=paging.HEADERS)
def list_identities(query: dict[str, Any]) -> Any:
    """List identities

    By their end, the first to end first, unless told otherwise. `devices/bulk/` with the action
    `renew_identity` and the filters `renewal` or `identity_ends_before` renews many at once.
    """
    actor = api_actor()
    access.demand(actor, access.VIEW_DEVICES)
    limit, ordering, cursor = query.pop("limit"), query.pop("ordering"), query.pop("cursor", None)
    about = {name: query.pop(name, None) for name in ("serial_number", "search")}
    asked = renewals.IdentityFilter(
        device_id=query.pop("device", None), device=devices.DeviceFilter(**about), **query
    )
    page = renewals.page(actor, asked, ordering=ordering, cursor=cursor, limit=limit)
    return paging.answer(page, limit)


@blueprint.route(f"/<{ID}:identity_id>/")
@blueprint.operation(access.VIEW_DEVICES, 404)
@blueprint.response(200, IdentitySchema)
def get_identity(identity_id: int) -> Standing:
    """Show an identity"""
    return renewals.find(api_actor(), identity_id)


@blueprint.route(f"/<{ID}:identity_id>/renew/", methods=["POST"])
@blueprint.operation(access.CHANGE_DEVICES, 404, 409)
@blueprint.response(200, IdentitySchema)
def renew_identity(identity_id: int) -> Standing:
    """Renew an identity now

    Due or not: the device is woken and gets its profile with a new challenge. The answer is the
    identity that it replaces, the one of the device that ends first.
    """
    actor = api_actor()
    access.demand(actor, access.CHANGE_DEVICES)
    device_id = renewals.find(actor, identity_id).device.id
    devices.find(actor, device_id, access.CHANGE_DEVICES)
    with db.transaction():
        device = devices.locked(device_id)
        ordered = renewals.renew(device, actor)
        audit.record(actor, "identity.renew", ordered, after=audit.snapshot(ordered))
        replaced = renewals.of_device_in_use(device).identity.id
    return renewals.find(actor, replaced)
