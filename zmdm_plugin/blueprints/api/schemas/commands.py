"""Commands as JSON."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from zmdm_plugin.blueprints.api.schemas.fields import Moment, PageQuery, described, text_argument
from zmdm_plugin.models import ChannelCommand
from zmdm_plugin.services.command_history import KEYSET, NEWEST_FIRST, STATES


def _moment(attribute: str, about: str) -> Moment:
    return Moment(attribute=f"command.{attribute}", allow_none=True, metadata=described(about))


class ResultLink(ma.fields.String):
    """The path of a command's answer, from the command itself."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **_: Any) -> str | None:
        answered = isinstance(value, ChannelCommand) and value.answered_at is not None
        return f"/api/mdm/commands/{value.uid}/result/" if answered else None


class CommandSchema(ma.Schema):
    """A command; secret arguments and the answer itself are not part of it."""

    id = ma.fields.Integer(attribute="command.id", required=True, metadata={"example": 815})
    uuid = ma.fields.UUID(
        attribute="command.uid", required=True, metadata=described("The CommandUUID on the wire.")
    )
    enrolled_device = ma.fields.Integer(
        attribute="command.device_id", required=True, metadata=described("Id of the device.")
    )
    channel = ma.fields.Integer(
        attribute="command.channel_id", required=True, metadata=described("Id of the channel.")
    )
    channel_kind = ma.fields.String(required=True, metadata=described("device or user"))
    user_short_name = ma.fields.String(
        allow_none=True, metadata=described("Whose channel, if it is a user's.")
    )
    name = ma.fields.String(
        attribute="command.name", required=True, metadata={"example": "DeviceLock"}
    )
    request_type = ma.fields.String(
        attribute="command.request_type",
        required=True,
        metadata=described("The RequestType on the wire, which a custom command chooses."),
    )
    artifact_version = ma.fields.Integer(
        dump_default=None, allow_none=True, metadata=described("The artifact version it is about.")
    )
    artifact_operation = ma.fields.String(
        dump_default=None, allow_none=True, metadata=described("Installation or removal of it.")
    )
    state = ma.fields.String(
        attribute="command.state",
        required=True,
        validate=ma.validate.OneOf(STATES),
        metadata=described("Where it stands."),
    )
    not_before = _moment("not_before", "Not delivered before.")
    expires_at = _moment("expires_at", "Not delivered after.")
    time = _moment("delivered_at", "When the device was last given it.")
    delivery_count = ma.fields.Integer(
        attribute="command.delivery_count", metadata=described("How often it was given.")
    )
    not_now_count = ma.fields.Integer(
        attribute="command.not_now_count", metadata=described("How often the device said NotNow.")
    )
    result = ResultLink(
        attribute="command",
        allow_none=True,
        metadata=described(
            "Where the answer is (a property list); null before it came.",
            example="/api/mdm/commands/4ec709ba-542e-4adf-8002-7d782e9eae9e/result/",
        ),
    )
    result_time = _moment("answered_at", "When the device answered.")
    status = ma.fields.String(
        attribute="command.status",
        allow_none=True,
        metadata=described("The device's own word: Acknowledged, Error, NotNow …"),
    )
    error_chain = ma.fields.List(
        ma.fields.Dict(),
        attribute="command.error_chain",
        allow_none=True,
        metadata=described("The device's errors, the outermost first."),
    )
    failure = ma.fields.String(
        attribute="command.failure",
        allow_none=True,
        metadata=described("Why this server ended it, in words."),
    )
    finished_at = _moment("finished_at", "When it reached a final state.")
    planned_by = ma.fields.String(
        attribute="command.planned_by",
        allow_none=True,
        metadata=described("Which planner ordered it; null: a person or a program."),
    )
    actor = ma.fields.String(
        attribute="command.actor_label", allow_none=True, metadata=described("Who ordered it.")
    )
    created_at = _moment("created_at", "When it was ordered.")
    updated_at = _moment("updated_at", "When it last changed.")


class CommandQuery(PageQuery):
    """Filters of the list of commands."""

    name = text_argument("Only commands of this name.", 128)
    state = ma.fields.String(
        validate=ma.validate.OneOf(STATES), metadata=described("Only in this state.")
    )
    outstanding = ma.fields.Boolean(
        metadata=described("Only those that are not finished, or only those that are.")
    )
    user_short_name = text_argument("Only those of this user's channel.")
    ordering = ma.fields.String(
        load_default=NEWEST_FIRST,
        validate=ma.validate.OneOf(KEYSET.orderings),
        metadata=described("By what to sort; the newest first unless told."),
    )


class OrderQuery(ma.Schema):
    """When and to whom a new command goes."""

    not_before = Moment(metadata=described("Do not deliver it before."))
    expires_at = Moment(metadata=described("Do not deliver it after."))
    channel = ma.fields.Integer(
        validate=ma.validate.Range(min=1, max=2**63 - 1),
        metadata=described("Id of a channel of the device; its own unless told."),
    )

    @ma.validates_schema
    def _order(self, data: dict[str, object], **_: object) -> None:
        first, last = data.get("not_before"), data.get("expires_at")
        if first is not None and last is not None and last <= first:  # type: ignore[operator]
            raise ma.ValidationError("Lies before not_before.", "expires_at")
