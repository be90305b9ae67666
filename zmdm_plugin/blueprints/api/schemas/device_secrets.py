"""Secrets of a device as JSON, once they are revealed."""

from __future__ import annotations

import marshmallow as ma

from zmdm_plugin.blueprints.api.schemas.fields import Moment, described


class LockPinSchema(ma.Schema):
    """The PIN that a Mac was last locked or erased with."""

    id = ma.fields.Integer(required=True, metadata=described("Of the device."))
    serial_number = ma.fields.String(required=True, allow_none=True)
    device_lock_pin = ma.fields.String(
        required=True, attribute="pin.value", metadata={"example": "012345"}
    )
    state = ma.fields.String(
        required=True,
        attribute="pin.state",
        validate=ma.validate.OneOf(("pending", "confirmed", "superseded")),
        metadata=described("pending until the device has confirmed the command."),
    )
    command = ma.fields.UUID(
        required=True,
        allow_none=True,
        attribute="pin.command_uuid",
        metadata=described("The command that carried it."),
    )
    created_at = Moment(required=True, attribute="pin.created_at")
