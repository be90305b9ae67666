"""Tags and bulk actions as JSON."""

from __future__ import annotations

import marshmallow as ma

from zmdm_plugin.blueprints.api.schemas.devices import DeviceAsked
from zmdm_plugin.blueprints.api.schemas.fields import Moment, described
from zmdm_plugin.services.bulk import MOST_IDS
from zmdm_plugin.services.bulk_actions import names
from zmdm_plugin.services.keyset import MAX_ID
from zmdm_plugin.services.tags import COLORS, MOST


class TagSchema(ma.Schema):
    """A tag."""

    id = ma.fields.Integer(required=True)
    name = ma.fields.String(required=True, metadata={"example": "Loaner pool"})
    color = ma.fields.String(required=True, validate=ma.validate.OneOf(COLORS))
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class NewTag(ma.Schema):
    """A tag to be made; names that differ in capitals only are one tag."""

    name = ma.fields.String(
        required=True,
        validate=ma.validate.Length(min=1, max=64),
        metadata=described("Without commas.", example="Loaner pool"),
    )
    color = ma.fields.String(load_default=COLORS[0], validate=ma.validate.OneOf(COLORS))


class TagChange(ma.Schema):
    """What is not named stays."""

    name = ma.fields.String(validate=ma.validate.Length(min=1, max=64))
    color = ma.fields.String(validate=ma.validate.OneOf(COLORS))


class DeviceTags(ma.Schema):
    """The tags of a device, all of them."""

    tags = ma.fields.List(
        ma.fields.String(validate=ma.validate.Length(min=1, max=64)),
        required=True,
        validate=ma.validate.Length(max=MOST),
        metadata=described("Names of tags; those that are not named are taken off."),
    )


class BulkFilter(DeviceAsked):
    """The filters of the list of devices."""


class CountSchema(ma.Schema):
    """How many devices match, and up to which id."""

    count = ma.fields.Integer(required=True)
    up_to = ma.fields.Integer(
        required=True, metadata=described("The highest id; later devices were not counted.")
    )


class NewBulk(ma.Schema):
    """One order to many devices: either `ids`, or `filter` with the `count` that was seen."""

    action = ma.fields.String(
        required=True,
        validate=ma.validate.OneOf(names()),
        metadata=described("What to do; `command:<RequestType>` sends a command."),
    )
    args = ma.fields.Dict(
        keys=ma.fields.String(),
        load_default=dict,
        metadata=described("Arguments of the action: `tag`, or those of the command."),
    )
    ids = ma.fields.List(
        ma.fields.Integer(strict=True, validate=ma.validate.Range(min=1, max=MAX_ID)),
        validate=ma.validate.Length(min=1, max=MOST_IDS),
    )
    filter = ma.fields.Nested(BulkFilter)
    count = ma.fields.Integer(
        strict=True,
        validate=ma.validate.Range(min=1, max=MAX_ID),
        metadata=described("With a filter: what devices/count/ said. More by now is a 409."),
    )
    up_to = ma.fields.Integer(
        strict=True,
        validate=ma.validate.Range(min=1, max=MAX_ID),
        metadata=described("With a filter: what devices/count/ said; else the newest device's id."),
    )
