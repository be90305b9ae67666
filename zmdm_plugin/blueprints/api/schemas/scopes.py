"""Scopes as JSON: who gets a link or a version."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import marshmallow as ma

from zmdm_plugin.blueprints.api.schemas.fields import described
from zmdm_plugin.protocol.platform import Platform
from zmdm_plugin.protocol.scope import MODULO
from zmdm_plugin.services.keyset import MAX_ID

PLATFORMS = tuple(map(str, Platform))
EXAMPLE = {
    "platforms": {"macOS": {"min": "14", "max": None}},
    "excluded_tags": [],
    "shard_modulo": MODULO,
    "default_shard": MODULO,
    "tag_shards": {},
}


class Bounds(ma.Schema):
    """OS versions of a platform; null: any."""

    min = ma.fields.String(
        allow_none=True, metadata=described("The first version that gets it.", example="14.2")
    )
    max = ma.fields.String(
        allow_none=True, metadata=described("The first version that gets it no more.")
    )


class ScopeSchema(ma.Schema):
    """Which devices: a platform, an OS version, no excluded tag, and a shard."""

    platforms = ma.fields.Dict(
        keys=ma.fields.String(validate=ma.validate.OneOf(PLATFORMS)),
        values=ma.fields.Nested(Bounds, allow_none=True),
        required=True,
        metadata=described(
            "By platform; what is not named gets nothing.", example=EXAMPLE["platforms"]
        ),
    )
    excluded_tags = ma.fields.List(
        ma.fields.Integer(strict=True, validate=ma.validate.Range(min=1, max=MAX_ID)),
        metadata=described("Ids of tags: devices with one of them get nothing."),
    )
    shard_modulo = ma.fields.Integer(
        strict=True,
        validate=ma.validate.Range(min=1, max=MODULO),
        metadata=described("Into how many shards devices fall, by their serial number."),
    )
    default_shard = ma.fields.Integer(
        strict=True,
        validate=ma.validate.Range(min=0, max=MODULO),
        metadata=described("Devices with a lower shard number get it; 0: none by this."),
    )
    tag_shards = ma.fields.Dict(
        keys=ma.fields.String(validate=ma.validate.Regexp(r"[1-9][0-9]{0,17}\Z")),
        values=ma.fields.Integer(strict=True, validate=ma.validate.Range(min=1, max=MODULO)),
        metadata=described("By tag id: a higher bound for devices with this tag."),
    )


class ScopeField(ma.fields.Nested):
    """A scope; in a multipart body it is JSON in a text."""

    def __init__(self, **options: Any) -> None:
        super().__init__(ScopeSchema, **options)

    def _deserialize(
        self,
        value: Any,
        attr: str | None,
        data: Mapping[str, Any] | None,
        partial: Any = None,
        **kwargs: Any,
    ) -> Any:
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                raise ma.ValidationError("Not JSON.") from None
        return super()._deserialize(value, attr, data, partial, **kwargs)
