"""Webhooks as JSON; the secret is in two answers only."""

from __future__ import annotations

import marshmallow as ma

from zmdm_plugin.blueprints.api.schemas.fields import Moment, PageQuery, described

_KINDS = described(
    "Kinds of events, or patterns; empty: all.", example=["device.*", "command.answered"]
)
_TAGS = described(
    "Names of tags: only events of devices that have one; empty: all.", example=["Loaner pool"]
)
_NAME = described("Who is told, for people.", example="Ticket system")
_URL = described("Where events are sent.", example="https://example.com/hooks/mdm")


class WebhookSchema(ma.Schema):
    """A webhook, without its secret."""

    id = ma.fields.Integer(required=True)
    name = ma.fields.String(required=True, metadata=_NAME)
    url = ma.fields.String(required=True, metadata=_URL)
    enabled = ma.fields.Boolean(required=True)
    kinds = ma.fields.List(ma.fields.String(), required=True, metadata=_KINDS)
    tags = ma.fields.List(ma.fields.String(), required=True, metadata=_TAGS)
    failures = ma.fields.Integer(
        required=True, metadata=described("How often in a row nobody answered.", example=0)
    )
    next_try_at = Moment(required=True, allow_none=True, metadata=described("It rests until then."))
    last_error = ma.fields.String(required=True, allow_none=True)
    last_error_at = Moment(required=True, allow_none=True)
    last_success_at = Moment(required=True, allow_none=True)
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class WebhookWithSecret(WebhookSchema):
    """A webhook with the secret that was just made."""

    secret = ma.fields.String(
        required=True,
        metadata=described("Signs what is sent. It is shown here and never again."),
    )


class NewWebhook(ma.Schema):
    """A webhook to be made."""

    name = ma.fields.String(
        required=True, validate=ma.validate.Length(min=1, max=128), metadata=_NAME
    )
    url = ma.fields.String(
        required=True, validate=ma.validate.Length(min=1, max=2000), metadata=_URL
    )
    kinds = ma.fields.List(
        ma.fields.String(validate=ma.validate.Length(min=1, max=64)),
        load_default=list,
        validate=ma.validate.Length(max=50),
        metadata=_KINDS,
    )
    tags = ma.fields.List(
        ma.fields.String(validate=ma.validate.Length(min=1, max=64)),
        load_default=list,
        validate=ma.validate.Length(max=50),
        metadata={**_TAGS, "example": []},
    )


class WebhookChange(ma.Schema):
    """What is not named stays."""

    name = ma.fields.String(validate=ma.validate.Length(min=1, max=128))
    url = ma.fields.String(validate=ma.validate.Length(min=1, max=2000), metadata=_URL)
    enabled = ma.fields.Boolean()
    kinds = ma.fields.List(
        ma.fields.String(validate=ma.validate.Length(min=1, max=64)),
        validate=ma.validate.Length(max=50),
        metadata=_KINDS,
    )
    tags = ma.fields.List(
        ma.fields.String(validate=ma.validate.Length(min=1, max=64)),
        validate=ma.validate.Length(max=50),
        metadata={**_TAGS, "example": []},
    )


class DeliveryQuery(PageQuery):
    """Which of what was not told."""

    dead = ma.fields.Boolean(
        load_default=False, metadata=described("What was given up, instead of what still waits.")
    )


class DeliverySchema(ma.Schema):
    """An event that a webhook has not taken yet."""

    id = ma.fields.Integer(required=True, attribute="event_id")
    type = ma.fields.String(
        required=True, attribute="event.kind", metadata={"example": "device.enrolled"}
    )
    device_id = ma.fields.Integer(required=True, allow_none=True, attribute="event.device_id")
    time = Moment(required=True, attribute="event.created_at")
    attempts = ma.fields.Integer(required=True, metadata={"example": 3})
    error = ma.fields.String(required=True, allow_none=True, metadata={"example": "answered 500"})
    next_try_at = Moment(required=True, attribute="due_at")
    dead_at = Moment(required=True, allow_none=True)


class ReplayOrder(ma.Schema):
    """What is told again: what was given up, or all that happened in a while."""

    since = Moment(metadata=described("With until: the while. Without: what was given up."))
    until = Moment()


class NumberSchema(ma.Schema):
    """How many events are told again."""

    number = ma.fields.Integer(required=True, metadata={"example": 12})
