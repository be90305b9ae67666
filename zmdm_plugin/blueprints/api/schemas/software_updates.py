"""Software updates and their enforcement as JSON."""

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
from zmdm_plugin.models import SoftwareUpdate
from zmdm_plugin.services.keyset import MAX_ID
from zmdm_plugin.services.software_updates import enforcements, listing, progress
from zmdm_plugin.services.software_updates.feed import State
from zmdm_plugin.services.software_updates.standing import Previewed, Standing
from zmdm_plugin.services.software_updates.values import Release, Target

_ROW_ID = ma.validate.Range(min=1, max=MAX_ID)


class SoftwareUpdateSchema(ma.Schema):
    """A release of Apple's list."""

    id = ma.fields.Integer(required=True)
    platform = ma.fields.String(
        required=True, metadata=described("iOS is iPadOS, tvOS and watchOS too.", example="macOS")
    )
    version = ma.fields.String(required=True, metadata={"example": "26.2"})
    extra = ma.fields.String(
        required=True,
        metadata=described("Of a background security improvement, else empty.", example="(a)"),
    )
    build = ma.fields.String(required=True, metadata={"example": "25C56"})
    prerequisite_build = ma.fields.String(
        required=True, metadata=described("What an improvement goes on top of.", example="25B78")
    )
    managed = ma.fields.Boolean(
        required=True, metadata=described("Device management may ask for it.")
    )
    public = ma.fields.Boolean(required=True, metadata=described("Everybody is offered it."))
    posted_on = ma.fields.Date(required=True, allow_none=True)
    expires_on = ma.fields.Date(
        required=True, allow_none=True, metadata=described("The last day it can be installed.")
    )
    withdrawn_at = Moment(
        required=True, allow_none=True, metadata=described("Since when it is listed no more.")
    )
    devices = ma.fields.List(
        ma.fields.String(), required=True, metadata={"example": ["J314sAP", "J413AP"]}
    )
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class SoftwareUpdateQuery(PageQuery):
    """Filters of the list."""

    platform = ma.fields.String(validate=ma.validate.OneOf(enforcements.PLATFORMS))
    version = text_argument("Exactly this version.", 32)
    build = text_argument("Exactly this build.", 32)
    device_id = text_argument("A product name or a software update device id.", 64)
    background = ma.fields.Boolean(
        metadata=described("Background security improvements, or everything else.")
    )
    available = ma.fields.Boolean(metadata=described("Whether it can be asked for today."))
    ordering = ma.fields.String(
        load_default="-version", validate=ma.validate.OneOf(listing.KEYSET.orderings)
    )


class FeedSchema(ma.Schema):
    """How Apple's list stands here."""

    read_at = Moment(required=True, allow_none=True)
    asked_at = Moment(required=True, allow_none=True)
    error = ma.fields.String(
        required=True,
        allow_none=True,
        metadata=described("Why the last attempt failed; null when it did not."),
    )
    releases = ma.fields.Integer(required=True)
    task_id = ma.fields.UUID(
        required=True, allow_none=True, metadata=described("The fetch that is under way.")
    )


class _EnforcementFields(ma.Schema):
    name = ma.fields.String(
        required=True,
        validate=ma.validate.Length(min=1, max=256),
        metadata={"example": "Staff Macs"},
    )
    details_url = ma.fields.String(
        load_default="",
        validate=ma.validate.Length(max=2000),
        metadata=described("A page that people are shown.", example=""),
    )
    platforms = ma.fields.List(
        ma.fields.String(validate=ma.validate.OneOf(enforcements.PLATFORMS)),
        required=True,
        validate=ma.validate.Length(min=1),
        metadata={"example": ["macOS"]},
    )
    os_version = ma.fields.String(
        load_default="",
        validate=ma.validate.Length(max=32),
        metadata=described("One time: this version.", example=""),
    )
    build_version = ma.fields.String(
        load_default="",
        validate=ma.validate.Length(max=32),
        metadata=described("One time: this build of it; empty for any.", example=""),
    )
    local_datetime = ma.fields.String(
        allow_none=True,
        validate=ma.validate.Length(max=19),
        metadata=described(
            "One time: by when, in the device's own time, e.g. 2026-12-24T09:30:00.", example=None
        ),
    )
    max_os_version = ma.fields.String(
        load_default="",
        validate=ma.validate.Length(max=32),
        metadata=described("Latest: always the newest below this version.", example="27"),
    )
    delay_days = ma.fields.Integer(
        strict=True,
        allow_none=True,
        validate=ma.validate.Range(min=0, max=enforcements.MOST_DELAY),
        metadata=described("Latest: days after the release; 14 unless given.", example=14),
    )
    local_time = ma.fields.String(
        allow_none=True,
        validate=ma.validate.Length(max=8),
        metadata=described(
            "Latest: the time of day, in the device's own time; 09:30 unless given.",
            example="09:30:00",
        ),
    )
    tags = ma.fields.List(
        ma.fields.Integer(strict=True, validate=_ROW_ID),
        validate=ma.validate.Length(max=200),
        metadata=described(
            "Ids of tags; devices with most of them in common get it. Without any it is the "
            "default of its platforms.",
            example=[],
        ),
    )
    blueprints = ma.fields.List(
        ma.fields.Integer(strict=True, validate=_ROW_ID),
        validate=ma.validate.Length(max=500),
        metadata=described("Ids of the blueprints that it is part of.", example=[]),
    )


class NewEnforcement(_EnforcementFields):
    """Either `os_version` and `local_datetime`, or `max_os_version`."""


class EnforcementChange(_EnforcementFields):
    """The whole of it; only `tags` and `blueprints` stay as they are where they are not named."""


class EnforcementSchema(_EnforcementFields):
    """What is enforced, and how far it is."""

    id = ma.fields.Integer(required=True)
    summary = ma.fields.String(
        required=True,
        metadata=described(
            "In words.", example="the newest below 27, 14 days after it is released, at 09:30"
        ),
    )
    devices_told = ma.fields.Integer(
        required=True, metadata=described("Devices that are told to install something now.")
    )
    devices_failing = ma.fields.Integer(
        required=True, metadata=described("Those of them that reported a failure.")
    )
    devices_installed = ma.fields.Integer(
        required=True, metadata=described("Devices that have installed what they were told.")
    )
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class EnforcementQuery(NamedPageQuery):
    """Filters of the list."""

    name = text_argument("Exactly this name.")


class BlueprintEnforcementsSchema(ma.Schema):
    """The enforcements of a blueprint, all of them."""

    software_update_enforcements = ma.fields.List(
        ma.fields.Integer(strict=True, validate=_ROW_ID),
        required=True,
        validate=ma.validate.Length(max=200),
        metadata=described("Ids.", example=[1]),
    )


class TargetSchema(ma.Schema):
    """A version by a date."""

    os_version = ma.fields.String(required=True, metadata={"example": "26.2"})
    build_version = ma.fields.String(required=True, metadata={"example": "25C56"})
    local_datetime = ma.fields.String(
        required=True,
        metadata=described("In the device's own time.", example="2026-12-04T09:30:00"),
    )
    why = ma.fields.String(required=True, metadata=described("How it came about."))


class PreviewSchema(ma.Schema):
    """What one device gets."""

    device_id = ma.fields.Integer(required=True)
    serial_number = ma.fields.String(required=True, allow_none=True)
    name = ma.fields.String(required=True, allow_none=True)
    os_version = ma.fields.String(required=True, allow_none=True)
    counts = ma.fields.Boolean(
        required=True, metadata=described("Whether this enforcement is the one that counts.")
    )
    targets = ma.fields.List(ma.fields.Nested(TargetSchema), required=True)
    why = ma.fields.String(required=True)
    state = ma.fields.String(required=True, metadata=described("What the device says it does."))
    failure = ma.fields.String(required=True)


class FormerTargetSchema(TargetSchema):
    """A version that a device was told before."""

    ended = ma.fields.String(
        required=True,
        validate=ma.validate.OneOf(("installed", "withdrawn", "replaced", "dropped")),
    )
    ended_why = ma.fields.String(required=True, allow_none=True)
    ended_at = Moment(required=True)


class OfferedSchema(ma.Schema):
    """The newest that Apple offers a device, of one kind."""

    kind = ma.fields.String(
        required=True,
        validate=ma.validate.OneOf(("patch", "minor", "major", "background")),
    )
    version = ma.fields.String(required=True, metadata={"example": "26.2"})
    extra = ma.fields.String(required=True)
    build = ma.fields.String(required=True, metadata={"example": "25C56"})
    posted_on = ma.fields.Date(required=True, allow_none=True)


class DeviceUpdatesSchema(ma.Schema):
    """A device and its updates."""

    targets = ma.fields.List(ma.fields.Nested(TargetSchema), required=True)
    former = ma.fields.List(ma.fields.Nested(FormerTargetSchema), required=True)
    why = ma.fields.String(required=True, metadata=described("What would be chosen now, and why."))
    install_state = ma.fields.String(
        required=True,
        allow_none=True,
        metadata=described("As the device reports it.", example="downloading"),
    )
    state = ma.fields.String(required=True, metadata=described("The same in words."))
    failure = ma.fields.String(required=True)
    reported_at = Moment(required=True, allow_none=True)
    offered = ma.fields.List(ma.fields.Nested(OfferedSchema), required=True)


def update(row: SoftwareUpdate, devices: list[str]) -> dict[str, Any]:
    """A release as SoftwareUpdateSchema wants it."""
    names = SoftwareUpdateSchema._declared_fields
    return {**{name: getattr(row, name) for name in names if name != "devices"}, "devices": devices}


def feed(state: State) -> dict[str, Any]:
    """As FeedSchema wants it."""
    names = ("read_at", "asked_at", "error", "releases")
    return {**{name: getattr(state, name) for name in names}, "task_id": state.running}


def previewed(item: Previewed) -> dict[str, Any]:
    """As PreviewSchema wants it."""
    device = item.device
    return {
        "device_id": device.id,
        **{name: getattr(device, name) for name in ("serial_number", "name", "os_version")},
        "counts": item.counts,
        "targets": [target(one) for one in item.decision.targets],
        "why": item.decision.why,
        "state": progress.words(item.report),
        "failure": progress.failure(item.report),
    }


def target(item: Target) -> dict[str, Any]:
    """As TargetSchema wants it."""
    return {
        "os_version": item.os_version,
        "build_version": item.build,
        "local_datetime": item.local.isoformat(timespec="seconds"),
        "why": item.why,
    }


def standing(found: Standing) -> dict[str, Any]:
    """As DeviceUpdatesSchema wants it."""
    report = found.report
    return {
        "targets": found.targets,
        "former": found.former,
        "why": found.decision.why,
        "install_state": report.install_state if report else None,
        "state": found.doing,
        "failure": found.failure,
        "reported_at": report.reported_at if report else None,
        "offered": [_offered(kind, one) for kind, one in found.offered.items()],
    }


def _offered(kind: str, one: Release) -> dict[str, Any]:
    names = ("version", "extra", "build", "posted_on")
    return {"kind": kind, **{name: getattr(one, name) for name in names}}
