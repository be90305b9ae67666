"""Artifacts, their versions, and what became of them, as JSON."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from zmdm_plugin.blueprints.api.schemas.fields import (
    Moment,
    NamedPageQuery,
    PageQuery,
    described,
    text_argument,
)
from zmdm_plugin.blueprints.api.schemas.scopes import PLATFORMS, ScopeField
from zmdm_plugin.commands.arguments import Base64
from zmdm_plugin.models.artifacts import STATUSES, TYPES
from zmdm_plugin.services.artifacts import comparing
from zmdm_plugin.services.artifacts.artifacts import CHANNELS, LONGEST_INTERVAL, REINSTALL
from zmdm_plugin.services.keyset import MAX_ID

_ID = ma.validate.Range(min=1, max=MAX_ID)
_MOST_REQUIRED = 100
OUTCOME = (
    "status",
    "via",
    "installed_version_id",
    "installed_at",
    "installed_os",
    "tried_version_id",
    "tried_at",
    "next_try_at",
    "attempts",
    "active",
    "valid",
    "reasons",
    "unresolved",
)
"""Columns of a ChannelArtifact that tell what became of it."""


def _name(**options: Any) -> ma.fields.String:
    return ma.fields.String(
        validate=ma.validate.Length(min=1, max=256), metadata={"example": "Office Wi-Fi"}, **options
    )


def _platforms(**options: Any) -> ma.fields.List[str]:
    return ma.fields.List(
        ma.fields.String(validate=ma.validate.OneOf(PLATFORMS)),
        validate=ma.validate.Length(min=1, max=len(PLATFORMS)),
        **options,
    )


def _requires(**options: Any) -> ma.fields.List[int]:
    return ma.fields.List(
        ma.fields.Integer(strict=True, validate=_ID),
        validate=ma.validate.Length(max=_MOST_REQUIRED),
        metadata=described("Ids of artifacts that come along, and have to be there first."),
        **options,
    )


def _settings(*, defaults: bool) -> dict[str, ma.fields.Field[Any]]:
    """Fields that can be set at any time."""

    def default(value: Any) -> Any:
        return {"load_default": value} if defaults else {}

    return {
        "install_during_setup_assistant": ma.fields.Boolean(
            metadata=described("Delivered while the device is still in Setup Assistant, too."),
            **default(False),
        ),
        "auto_update": ma.fields.Boolean(
            metadata=described("A new version replaces one that is installed."), **default(True)
        ),
        "reinstall_interval": ma.fields.Integer(
            strict=True,
            validate=ma.validate.Range(min=0, max=LONGEST_INTERVAL),
            metadata=described("Days after which it is installed again; 0: never."),
            **default(0),
        ),
        "reinstall_on_os_update": ma.fields.String(
            validate=ma.validate.OneOf(REINSTALL),
            metadata=described("Installed again after an OS update of this size."),
            **default("no"),
        ),
    }


class ArtifactSchema(ma.Schema):
    """Something to put on devices."""

    id = ma.fields.Integer(required=True)
    uid = ma.fields.String(required=True, metadata=described("By which declarations may name it."))
    name = ma.fields.String(required=True)
    type = ma.fields.String(required=True, validate=ma.validate.OneOf(TYPES))
    channel = ma.fields.String(required=True, validate=ma.validate.OneOf(CHANNELS))
    platforms = ma.fields.List(ma.fields.String(), required=True)
    requires = ma.fields.List(ma.fields.Integer(), required=True)
    install_during_setup_assistant = ma.fields.Boolean(required=True)
    auto_update = ma.fields.Boolean(required=True)
    reinstall_interval = ma.fields.Integer(required=True)
    reinstall_on_os_update = ma.fields.String(required=True)
    declaration_type = ma.fields.String(required=True, allow_none=True)
    declaration_identifier = ma.fields.String(
        required=True, allow_none=True, metadata=described("As it was uploaded.")
    )
    identifier = ma.fields.String(
        required=True, metadata=described("On devices: of a profile, or of a declaration.")
    )
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


NewArtifact = ma.Schema.from_dict(
    {
        "type": ma.fields.String(required=True, validate=ma.validate.OneOf(TYPES)),
        "name": _name(required=True),
        "channel": ma.fields.String(load_default="device", validate=ma.validate.OneOf(CHANNELS)),
        "platforms": _platforms(
            load_default=None, allow_none=True, metadata=described("Null: all of them.")
        ),
        "requires": _requires(load_default=list),
        **_settings(defaults=True),
    },
    name="NewArtifact",
)
ArtifactChange = ma.Schema.from_dict(
    {
        "name": _name(),
        "platforms": _platforms(),
        "requires": _requires(),
        **_settings(defaults=False),
    },
    name="ArtifactChange",
)


class ArtifactQuery(NamedPageQuery):
    """Filters of the list of artifacts."""

    type = ma.fields.String(validate=ma.validate.OneOf(TYPES), metadata=described("Only these."))
    name = text_argument("Exactly this name.")
    blueprint = ma.fields.Integer(
        validate=_ID, metadata=described("Only what this blueprint brings directly.")
    )


class _Content(ma.fields.Dict):
    """What is in a version; whoever may read it all downloads the source."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **options: Any) -> Any:
        shown = dict(value)
        if "payload" in shown:
            shown["payload"] = comparing.masked(shown["payload"])
        return super()._serialize(shown, attr, obj, **options)  # type: ignore[no-untyped-call]


class ArtifactVersionSchema(ma.Schema):
    """One wording of an artifact; only its scope and its rank ever change."""

    id = ma.fields.Integer(required=True)
    uid = ma.fields.String(required=True)
    number = ma.fields.Integer(required=True)
    rank = ma.fields.Integer(
        required=True,
        metadata=described("Devices get the version of highest rank whose scope includes them."),
    )
    scope = ScopeField(required=True)
    content = _Content(
        keys=ma.fields.String(),
        required=True,
        metadata=described(
            "What is in it, by type; `warnings` are what was odd at the upload. In the payload of "
            "a declaration, what may be secret is hidden."
        ),
    )
    variables = ma.fields.List(ma.fields.String(), required=True)
    sha256 = ma.fields.String(required=True, metadata=described("Of the source, hex."))
    size = ma.fields.Integer(required=True, metadata=described("Of the source, bytes."))
    content_type = ma.fields.String(required=True, allow_none=True)
    filename = ma.fields.String(required=True, allow_none=True)
    actor = ma.fields.String(attribute="actor_id", required=True, allow_none=True)
    created_at = Moment(required=True)


class NewVersion(ma.Schema):
    """A version to be made; it is the current one at once. Either `source` or `document`."""

    source = Base64(
        load_default=None,
        allow_none=True,
        metadata=described("A profile (signed or not), a provisioning profile, a data asset."),
    )
    document = ma.fields.Dict(
        keys=ma.fields.String(),
        load_default=None,
        allow_none=True,
        metadata=described(
            "Instead, for declarations (Type, Identifier, Payload) and certificate assets "
            "(scep_issuer, subject, subject_alt_name, accessible)."
        ),
    )
    filename = ma.fields.String(
        load_default=None, allow_none=True, validate=ma.validate.Length(max=256)
    )
    scope = ScopeField(
        allow_none=True, load_default=None, metadata=described("Null: every device.")
    )


class StatusCounts(ma.Schema):
    """On how many channels an artifact has which status."""

    counts = ma.fields.Dict(
        keys=ma.fields.String(validate=ma.validate.OneOf(STATUSES)),
        values=ma.fields.Integer(),
        required=True,
        metadata={"example": {"installed": 120, "failed": 3}},
    )


class StatusQuery(PageQuery):
    """Filters of the list of channels."""

    status = ma.fields.String(
        validate=ma.validate.OneOf(STATUSES), metadata=described("Only these.")
    )


class _Outcome(ma.Schema):
    """What became of an artifact on a channel."""

    via = ma.fields.String(allow_none=True, metadata=described("command or declaration."))
    installed_at = Moment(allow_none=True)
    installed_os = ma.fields.String(allow_none=True)
    tried_at = Moment(allow_none=True)
    next_try_at = Moment(allow_none=True)
    attempts = ma.fields.Integer(metadata=described("Failures in a row."))
    active = ma.fields.Boolean(allow_none=True, metadata=described("Of a declaration."))
    valid = ma.fields.String(
        allow_none=True, metadata=described("Of a declaration: unknown, invalid or valid.")
    )
    reasons = ma.fields.List(ma.fields.Dict(), allow_none=True)
    unresolved = ma.fields.List(
        ma.fields.String(), allow_none=True, metadata=described("Variables without a value.")
    )


class ArtifactStatus(_Outcome):
    """One channel that has an artifact, or should."""

    device = ma.fields.Integer(attribute="device_id", required=True)
    serial_number = ma.fields.String(required=True, allow_none=True)
    channel = ma.fields.Integer(attribute="channel_id", required=True)
    user_short_name = ma.fields.String(required=True, allow_none=True)
    status = ma.fields.String(required=True, validate=ma.validate.OneOf(STATUSES))
    installed_version = ma.fields.Integer(attribute="installed_version_id", allow_none=True)
    tried_version = ma.fields.Integer(attribute="tried_version_id", allow_none=True)


class _VersionInShort(ma.Schema):
    id = ma.fields.Integer(required=True)
    number = ma.fields.Integer(required=True)


class DeviceArtifact(ma.Schema):
    """An artifact of a device: what should be, what is, and why they differ."""

    artifact = ma.fields.Integer(attribute="artifact.id", required=True)
    name = ma.fields.String(attribute="artifact.name", required=True)
    type = ma.fields.String(attribute="artifact.type", required=True)
    channel = ma.fields.Integer(attribute="channel.id", required=True)
    user_short_name = ma.fields.String(attribute="channel.user_short_name", allow_none=True)
    status = ma.fields.String(
        required=True,
        metadata=described(
            "As in artifacts/{id}/status/; planned: nothing was done yet; left_out: it cannot be "
            "had; unwanted: it is to go."
        ),
    )
    reason = ma.fields.String(required=True, metadata=described("In one sentence; may be empty."))
    wanted_version = ma.fields.Nested(_VersionInShort, attribute="wanted", allow_none=True)
    installed_version = ma.fields.Nested(_VersionInShort, attribute="installed", allow_none=True)
    outcome = ma.fields.Nested(_Outcome, attribute="row", allow_none=True)


class ExplainQuery(ma.Schema):
    """Which channel of the device."""

    channel = ma.fields.Integer(
        validate=_ID,
        metadata=described("A user channel of the device; else the one the artifact is for."),
    )


class StepSchema(ma.Schema):
    """One rule: whether it lets the artifact through, and why."""

    rule = ma.fields.String(required=True)
    ok = ma.fields.Boolean(
        required=True, allow_none=True, metadata=described("Null: it says nothing here.")
    )
    words = ma.fields.String(required=True)


class ExplanationSchema(ma.Schema):
    """Every rule in order, and the first that stands in the way."""

    channel = ma.fields.Integer(
        attribute="channel.id",
        allow_none=True,
        metadata=described("Missing where the device has none of the kind."),
    )
    steps = ma.fields.List(ma.fields.Nested(StepSchema), required=True)
    obstacle = ma.fields.Nested(
        StepSchema, required=True, allow_none=True, metadata=described("Null: nothing does.")
    )
