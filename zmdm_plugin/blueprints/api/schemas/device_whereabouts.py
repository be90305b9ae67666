"""Places and accounts of a device as JSON."""

from __future__ import annotations

import marshmallow as ma

from zmdm_plugin.blueprints.api.schemas.fields import Moment, described


class LocationSchema(ma.Schema):
    """One answer to DeviceLocation: degrees, metres, metres per second."""

    latitude = ma.fields.Float(required=True, metadata={"example": 52.520008})
    longitude = ma.fields.Float(required=True, metadata={"example": 13.404954})
    accuracy = ma.fields.Float(
        required=True,
        allow_none=True,
        metadata=described("Radius in metres; negative: unknown.", example=65.0),
    )
    altitude = ma.fields.Float(required=True, allow_none=True, metadata={"example": 34.0})
    speed = ma.fields.Float(required=True, allow_none=True, metadata={"example": -1.0})
    course = ma.fields.Float(required=True, allow_none=True, metadata={"example": -1.0})
    measured_at = ma.fields.String(
        required=True,
        allow_none=True,
        metadata=described("As the device writes it.", example="2026-11-29T10:00:00Z"),
    )
    answered_at = Moment(required=True)
    command = ma.fields.UUID(required=True, attribute="command_uuid")


class LocationsSchema(ma.Schema):
    """Where a device was when it was asked, the newest first."""

    id = ma.fields.Integer(required=True, metadata=described("Of the device."))
    serial_number = ma.fields.String(required=True, allow_none=True)
    locations = ma.fields.List(ma.fields.Nested(LocationSchema), required=True)


class LocalUserSchema(ma.Schema):
    """One account; what the device does not say is null."""

    user_name = ma.fields.String(required=True, metadata={"example": "ada"})
    full_name = ma.fields.String(
        dump_default=None, allow_none=True, metadata={"example": "Ada Lovelace"}
    )
    guid = ma.fields.String(dump_default=None, allow_none=True)
    uid = ma.fields.Integer(dump_default=None, allow_none=True, metadata={"example": 501})
    logged_in = ma.fields.Boolean(dump_default=None, allow_none=True)
    mobile_account = ma.fields.Boolean(dump_default=None, allow_none=True)
    secure_token = ma.fields.Boolean(dump_default=None, allow_none=True)
    data_to_sync = ma.fields.Boolean(dump_default=None, allow_none=True)
    data_quota = ma.fields.Integer(dump_default=None, allow_none=True)
    data_used = ma.fields.Integer(dump_default=None, allow_none=True)


class LocalUsersSchema(ma.Schema):
    """The accounts of a Mac or a Shared iPad."""

    id = ma.fields.Integer(required=True, metadata=described("Of the device."))
    users = ma.fields.List(
        ma.fields.Nested(LocalUserSchema), required=True, allow_none=True, attribute="local_users"
    )
    reported_at = Moment(required=True, allow_none=True, attribute="local_users_at")
