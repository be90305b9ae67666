"""API tokens as JSON; the text is in one answer only."""

from __future__ import annotations

import marshmallow as ma

from zmdm_plugin.blueprints.api.schemas.fields import Moment, described
from zmdm_plugin.services import tokens

_PERMISSIONS = "Permissions or patterns; the star stands for anything."
_EXAMPLE = ["mdm.view_enrolleddevice", "mdm.add_devicecommand.DeviceLock"]


class TokenSchema(ma.Schema):
    """A token, without its text."""

    id = ma.fields.Integer(required=True)
    name = ma.fields.String(required=True)
    prefix = ma.fields.String(
        required=True, metadata=described("How its text begins, to tell tokens apart.")
    )
    owner_id = ma.fields.String(required=True)
    owner_label = ma.fields.String(required=True)
    permissions = ma.fields.List(
        ma.fields.String(),
        required=True,
        metadata=described(f"{_PERMISSIONS} They hold as far as the owner's do."),
    )
    created_at = Moment(required=True)
    expires_at = Moment(allow_none=True, metadata=described("Null: never."))
    revoked_at = Moment(allow_none=True)
    last_used_at = Moment(
        allow_none=True, metadata=described("Within five minutes; null: never used.")
    )


class NewTokenSchema(TokenSchema):
    """A token that was just made."""

    token = ma.fields.String(
        required=True, metadata=described("The text. It is shown here and never again.")
    )


class TokenOrder(ma.Schema):
    """What a new token is to be. Its owner is who makes it."""

    name = ma.fields.String(required=True, validate=ma.validate.Length(min=1, max=128))
    permissions = ma.fields.List(
        ma.fields.String(validate=ma.validate.Regexp(rf"\A{tokens.PATTERN.pattern}\Z")),
        required=True,
        validate=ma.validate.Length(min=1, max=200),
        metadata=described(f"{_PERMISSIONS} Never more than the owner's.", example=_EXAMPLE),
    )
    expires_at = Moment(load_default=None, allow_none=True, metadata=described("Null: never."))


class PermissionSchema(ma.Schema):
    """A permission of this server."""

    name = ma.fields.String(required=True)
    meaning = ma.fields.String(required=True)
    held = ma.fields.Boolean(
        required=True, metadata=described("Whether the token that asks has it.")
    )
