"""ADE enrollments as JSON: what devices in Setup Assistant are told, and how Apple has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import marshmallow as ma

from zmdm_plugin.blueprints.api.schemas.fields import (
    Moment,
    NamedPageQuery,
    described,
    text_argument,
)
from zmdm_plugin.models import Enrollment
from zmdm_plugin.protocol.skip_items import SKIP_ITEMS, SkipItem
from zmdm_plugin.services.ade import profile, settings
from zmdm_plugin.services.ade.defining import Standing
from zmdm_plugin.services.keyset import MAX_ID
from zmdm_plugin.web.ade_said import AdeSaid

_ID = ma.validate.Range(min=1, max=MAX_ID)
_MOST = 10_000
_SECRET = ("secret", "challenge")


def _names(about: str) -> ma.fields.List[str]:
    return ma.fields.List(
        ma.fields.String(validate=ma.validate.Length(min=1, max=128)),
        allow_none=True,
        validate=ma.validate.Length(max=_MOST),
        metadata=described(about),
    )


def _other(attribute: str, about: str, **options: Any) -> ma.fields.Integer:
    return ma.fields.Integer(
        attribute=attribute, strict=True, validate=_ID, metadata=described(about), **options
    )


class DepEnrollmentSaid(AdeSaid):
    """Everything that an ADE enrollment says; limits and contradictions are a 422."""

    display_name = ma.fields.String(
        validate=ma.validate.Length(max=128),
        metadata=described("What people read on their device; the organization unless told."),
    )
    blueprint = _other("blueprint_id", "What devices get that enroll.", allow_none=True)
    realm = _other("realm_id", "Where the person at the device may sign in.", allow_none=True)
    realm_required = ma.fields.Boolean(
        metadata=described("They must: the plain URL of the profile refuses devices then.")
    )
    quota = ma.fields.Integer(
        allow_none=True,
        validate=ma.validate.Range(min=1, max=10_000_000),
        metadata=described("How many devices; null: any number."),
    )
    expires_at = Moment(allow_none=True)
    serial_numbers = _names("Only these serial numbers; null: any.")
    udids = _names("Only these UDIDs; null: any.")


def _name(**options: Any) -> ma.fields.String:
    return ma.fields.String(validate=ma.validate.Length(min=1, max=125), **options)


class NewDepEnrollment(DepEnrollmentSaid):
    """What a new ADE enrollment is made from; what is not named is as its description says."""

    name = _name(required=True)
    virtual_server = _other("server_id", "Whose devices it is for.", required=True)
    push_certificate = ma.fields.Integer(required=True, validate=_ID)
    scep_issuer = ma.fields.Integer(required=True, validate=_ID)


class DepEnrollmentChange(DepEnrollmentSaid):
    """What is not named stays; the virtual server always does."""

    name = _name()


class ProfileAtAppleSchema(ma.Schema):
    """The newest profile of the enrollment at Apple, or on its way there."""

    uuid = ma.fields.String(allow_none=True, attribute="profile_uuid", required=True)
    unanswered = ma.fields.Integer(
        required=True,
        metadata=described(
            "How often Apple's answer was lost: it may have so many more profiles like this one, "
            "which no device has.",
            example=0,
        ),
    )
    state = ma.fields.String(
        required=True,
        validate=ma.validate.OneOf(("wanted", "defined", "superseded", "failed")),
        metadata=described("wanted: Apple is going to be asked."),
    )
    error = ma.fields.String(
        allow_none=True, required=True, metadata=described("Why Apple has not taken it.")
    )
    defined_at = Moment(allow_none=True, required=True)


class DepEnrollmentSchema(DepEnrollmentSaid):
    """An ADE enrollment; the secret in its address is not part of it."""

    id = ma.fields.Integer(required=True)
    name = _name(required=True)
    virtual_server = ma.fields.Integer(required=True, attribute="server_id")
    push_certificate = ma.fields.Integer(required=True, attribute="push_certificate_id")
    scep_issuer = ma.fields.Integer(required=True, attribute="scep_issuer_id")
    request_count = ma.fields.Integer(required=True, metadata=described("How many used it."))
    revoked_at = Moment(allow_none=True, required=True)
    profile = ma.fields.Nested(ProfileAtAppleSchema, allow_none=True, required=True)
    assigned_devices = ma.fields.Integer(
        required=True, metadata=described("Devices that have one of its profiles at Apple.")
    )
    desired_devices = ma.fields.Integer(
        required=True, metadata=described("Devices that are meant to have it.")
    )
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


def shown(row: Enrollment, standing: Standing) -> dict[str, Any]:
    """What the schema shows of a row."""
    said = settings.of(row)
    own = [name for name in row.__mapper__.columns.keys() if not name.startswith(_SECRET)]
    return {
        **{name: getattr(row, name) for name in own},
        **{name: getattr(said, name) for name in settings.FIELDS},
        "server_id": said.server_id,
        "profile": standing.profile,
        "assigned_devices": standing.assigned,
        "desired_devices": standing.desired,
    }


class DepEnrollmentQuery(NamedPageQuery):
    """Filters of the list of ADE enrollments."""

    name = text_argument("Exactly this name.", 128)


class ComparedLineSchema(ma.Schema):
    """One key of the profile."""

    name = ma.fields.String(required=True)
    ours = ma.fields.String(required=True, metadata=described("What the settings say, in words."))
    apples = ma.fields.String(required=True, metadata=described("What Apple has, in words."))
    same = ma.fields.Boolean(required=True)


class ComparedSchema(ma.Schema):
    """The profile that Apple has, beside ours; what differs first."""

    profile_uuid = ma.fields.String(required=True)
    same = ma.fields.Boolean(required=True)
    lines = ma.fields.List(ma.fields.Nested(ComparedLineSchema), required=True)


def compared(profile_uuid: str, lines: Sequence[profile.Line]) -> dict[str, Any]:
    """What the schema shows of a comparison."""
    same = all(line.same for line in lines)
    return {"profile_uuid": profile_uuid, "same": same, "lines": lines}


class SkipItemSchema(ma.Schema):
    """A screen of Setup Assistant."""

    key = ma.fields.String(required=True)
    label = ma.fields.String(required=True)
    availability = ma.fields.String(
        required=True, attribute="words", metadata=described("Where it exists.")
    )


def skip_items() -> list[SkipItem]:
    """All of them, in alphabetical order."""
    return list(SKIP_ITEMS.values())
