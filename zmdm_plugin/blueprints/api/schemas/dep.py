"""Virtual servers and DEP devices as JSON; keys and tokens go in and never come out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import marshmallow as ma

from zmdm_plugin.blueprints.api.schemas.fields import (
    Moment,
    PageQuery,
    described,
    text_argument,
)
from zmdm_plugin.clients.dep_values import BetaToken
from zmdm_plugin.commands.arguments import Base64
from zmdm_plugin.models import DepDevice, DepVirtualServer
from zmdm_plugin.protocol.server_token import MAX_SIZE
from zmdm_plugin.services.dep import listing, orders, setup
from zmdm_plugin.services.keyset import MAX_ID

_ROW_ID = ma.validate.Range(min=1, max=MAX_ID)
_UUID = "FA2E0F7A3C2B4B6E9C1D5E8F7A6B5C4D"


class VirtualServerSchema(ma.Schema):
    """A device management service of Apple Business or School Manager."""

    id = ma.fields.Integer(required=True)
    name = ma.fields.String(required=True)
    uuid = ma.fields.String(
        required=True,
        allow_none=True,
        metadata=described("Apple's; null until it is connected.", example=_UUID),
    )
    organization = ma.fields.String(required=True, metadata={"example": "Example Ltd"})
    organization_type = ma.fields.String(
        required=True, metadata=described("edu or org; empty until Apple has said.", example="org")
    )
    default_enrollment = ma.fields.Integer(
        required=True,
        allow_none=True,
        metadata=described("For devices without a profile, or with one that was never ours."),
    )
    connected = ma.fields.Boolean(
        required=True, metadata=described("Whether there is a token to ask Apple with.")
    )
    renewing = ma.fields.Boolean(
        required=True, metadata=described("A key waits for its token.", example=False)
    )
    access_token_expiry = Moment(
        required=True, allow_none=True, metadata=described("Renew the token well before.")
    )
    last_synced_at = Moment(required=True, allow_none=True)
    last_fetched_at = Moment(
        required=True,
        allow_none=True,
        metadata=described("When the whole list of devices was last read to its end."),
    )
    terms_not_signed_at = Moment(
        required=True,
        allow_none=True,
        metadata=described(
            "Since when Apple wants new terms accepted in the portal; null once it answers again.",
            example=None,
        ),
    )
    error = ma.fields.String(
        required=True,
        allow_none=True,
        metadata=described("Why Apple could not be asked; null when it could.", example=None),
    )
    error_at = Moment(required=True, allow_none=True, metadata={"example": None})
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class VirtualServerQuery(PageQuery):
    """Filters of the list of virtual servers."""

    name = text_argument("Exactly this name.")
    ordering = ma.fields.String(
        load_default="id", validate=ma.validate.OneOf(listing.SERVERS.orderings)
    )


class NewVirtualServer(ma.Schema):
    """A virtual server to be: a key is made for it."""

    name = ma.fields.String(
        required=True,
        validate=ma.validate.Length(min=1, max=setup.LONGEST_NAME),
        metadata=described("Until Apple says its own.", example="Example MDM"),
    )


class VirtualServerChange(ma.Schema):
    """What can be changed of a virtual server."""

    default_enrollment = ma.fields.Integer(
        required=True,
        allow_none=True,
        strict=True,
        validate=_ROW_ID,
        metadata=described("An enrollment of this server; null for none.", example=None),
    )


class Disconnection(ma.Schema):
    """Whoever disconnects a virtual server says its name, to be sure."""

    name = ma.fields.String(
        required=True,
        validate=ma.validate.Length(min=1, max=setup.LONGEST_NAME),
        metadata=described("The name of the virtual server.", example="Example MDM"),
    )
    forget_devices = ma.fields.Boolean(
        load_default=False,
        metadata=described("Forget its devices too, and what was wanted for them."),
    )


class ServerTokenUpload(ma.Schema):
    """The server token that the portal gave for the public key."""

    token = Base64(
        required=True,
        validate=ma.validate.Length(min=1, max=MAX_SIZE),
        metadata=described("The .p7m file, as base64.", type="string", format="byte"),
    )


class _Yes(ma.fields.Boolean):
    """A switch in the query: there, it is on, unless it says that it is not."""

    truthy = ma.fields.Boolean.truthy | {"", "Yes", "YES"}


class SyncQuery(ma.Schema):
    """How to synchronize."""

    full_sync = _Yes(
        load_default=False,
        metadata=described("Fetch the whole list again, instead of what has changed."),
    )


class BetaTokenSchema(ma.Schema):
    """Lets devices of one system enroll in beta versions."""

    os = ma.fields.String(required=True, metadata={"example": "iOS"})
    title = ma.fields.String(required=True, metadata={"example": "iOS 27 Beta"})
    token = ma.fields.String(required=True, metadata={"example": "played-ios-4EC709BA"})


class BetaTokensSchema(ma.Schema):
    """The beta enrollment tokens of an organization."""

    beta_tokens = ma.fields.List(ma.fields.Nested(BetaTokenSchema), required=True)
    error = ma.fields.String(
        required=True,
        allow_none=True,
        metadata=described("Why there are none; null otherwise.", example=None),
    )


class DepDeviceSchema(ma.Schema):
    """A device that Apple has assigned to a virtual server."""

    id = ma.fields.Integer(required=True)
    virtual_server = ma.fields.Integer(required=True)
    serial_number = ma.fields.String(required=True)
    device = ma.fields.Integer(
        required=True,
        allow_none=True,
        metadata=described("The enrolled device with this serial number.", example=27),
    )
    asset_tag = ma.fields.String(required=True, metadata={"example": "A000042"})
    color = ma.fields.String(required=True, metadata={"example": "SILVER"})
    description = ma.fields.String(required=True, metadata={"example": "MacBook Pro 14"})
    device_family = ma.fields.String(required=True, metadata={"example": "Mac"})
    model = ma.fields.String(required=True, metadata={"example": "MacBook Pro"})
    os = ma.fields.String(required=True, metadata={"example": "OSX"})
    device_assigned_by = ma.fields.String(required=True, metadata={"example": "admin@example.com"})
    device_assigned_date = Moment(required=True, allow_none=True)
    mdm_migration_deadline = Moment(required=True, allow_none=True, metadata={"example": None})
    more = ma.fields.Dict(
        required=True,
        metadata=described(
            "What else Apple says, in its words: imei, meid, eid, addresses, replacement.",
            example={"wifi_mac_address": "a4:83:e7:00:00:01"},
        ),
    )
    last_op_type = ma.fields.String(
        required=True, metadata=described("added, modified or deleted.", example="added")
    )
    last_op_date = Moment(required=True, allow_none=True)
    profile_status = ma.fields.String(
        required=True, metadata=described("empty, assigned, pushed, removed.", example="assigned")
    )
    profile_uuid = ma.fields.String(required=True, metadata={"example": _UUID})
    profile_assign_time = Moment(required=True, allow_none=True)
    profile_push_time = Moment(required=True, allow_none=True)
    enrollment = ma.fields.Integer(
        required=True, allow_none=True, metadata=described("The one that it is meant to have.")
    )
    assignment = ma.fields.String(
        required=True,
        validate=ma.validate.OneOf(listing.ASSIGNMENTS),
        metadata=described("How far desired and actual profile are.", example="assigned"),
    )
    assignment_reason = ma.fields.String(required=True, allow_none=True, metadata={"example": None})
    next_try_at = Moment(required=True, allow_none=True, metadata={"example": None})
    deleted_at = Moment(
        required=True,
        allow_none=True,
        metadata=described("Since when Apple reports it no more.", example=None),
    )
    disowned_at = Moment(required=True, allow_none=True, metadata={"example": None})
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class DepFilterFields(ma.Schema):
    """Which DEP devices."""

    virtual_server = ma.fields.Integer(validate=_ROW_ID)
    enrollment = ma.fields.Integer(validate=_ROW_ID)
    device_family = text_argument("Exactly this family, e.g. Mac.", 32)
    profile_status = ma.fields.String(validate=ma.validate.OneOf(listing.STATUSES))
    profile_uuid = text_argument("Exactly this profile, with or without dashes.", 64)
    serial_number = text_argument("Exactly this serial number.", 128)
    assignment = ma.fields.String(validate=ma.validate.OneOf(listing.ASSIGNMENTS))
    last_op_type = ma.fields.String(
        attribute="op_type", validate=ma.validate.OneOf(("added", "modified", "deleted"))
    )
    deleted = ma.fields.Boolean(
        metadata=described("Whether Apple reports it no more, or it was disowned.")
    )


class DepDeviceQuery(PageQuery, DepFilterFields):
    """Filters of the list of DEP devices."""

    ordering = ma.fields.String(
        load_default="id", validate=ma.validate.OneOf(listing.DEVICES.orderings)
    )


class DepDeviceChange(ma.Schema):
    """The enrollment that a device is meant to have."""

    enrollment = ma.fields.Integer(
        required=True,
        allow_none=True,
        strict=True,
        validate=_ROW_ID,
        metadata=described("Null: it is meant to have none, and Apple takes its profile away."),
    )


class DepAssignment(ma.Schema):
    """Which devices are meant to have which enrollment: some by id, or all that match."""

    enrollment = ma.fields.Integer(
        required=True,
        allow_none=True,
        strict=True,
        validate=_ROW_ID,
        metadata=described("Null: none; their profiles are taken away at Apple."),
    )
    ids = ma.fields.List(
        ma.fields.Integer(strict=True, validate=_ROW_ID),
        validate=ma.validate.Length(min=1, max=orders.MOST_IDS),
        metadata=described("These devices.", example=[1, 2]),
    )
    filter = ma.fields.Nested(
        DepFilterFields, metadata=described("In place of ids: all of its server that match.")
    )
    count = ma.fields.Integer(
        strict=True,
        validate=ma.validate.Range(min=1, max=10**9),
        metadata=described("With a filter: the number that was seen; more are a 409."),
    )

    @ma.validates_schema
    def one_way(self, data: dict[str, Any], **_: object) -> None:
        """By id or by filter, and a filter with its number."""
        if ("ids" in data) == ("filter" in data):
            raise ma.ValidationError("Give ids or a filter.", "ids")
        if "filter" in data and "count" not in data:
            raise ma.ValidationError("Say how many devices you have seen.", "count")


class DisownedSchema(ma.Schema):
    """What became of it."""

    result = ma.fields.String(
        required=True,
        metadata=described("SUCCESS, NOT_ACCESSIBLE or FAILED, as Apple says.", example="SUCCESS"),
    )


def server(row: DepVirtualServer) -> dict[str, Any]:
    """As VirtualServerSchema wants it."""
    same = (
        "id name uuid access_token_expiry terms_not_signed_at error error_at created_at updated_at"
    )
    return {
        **{name: getattr(row, name) for name in same.split()},
        "organization": row.org_name,
        "organization_type": row.org_type,
        "default_enrollment": row.default_enrollment_id,
        "connected": row.access_token_expiry is not None,
        "renewing": row.staged_certificate is not None,
        "last_synced_at": row.synced_at,
        "last_fetched_at": row.fetched_at,
    }


def device(row: DepDevice, enrolled: Mapping[str, int]) -> dict[str, Any]:
    """As DepDeviceSchema wants it."""
    renamed = {
        "virtual_server": row.server_id,
        "device": enrolled.get(row.serial_number),
        "more": row.more or {},
        "last_op_type": row.op_type,
        "last_op_date": row.op_date,
        "enrollment": row.enrollment_id,
    }
    names = DepDeviceSchema().fields.keys() - renamed.keys()
    return {**{name: getattr(row, name) for name in names}, **renamed}


def beta(one: BetaToken) -> dict[str, str]:
    """As BetaTokenSchema wants it."""
    return {"os": one.os, "title": one.title, "token": one.token}
