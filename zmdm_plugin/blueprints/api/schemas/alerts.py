"""Alerts as JSON: what is wrong, in words, and what to do."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from zmdm_plugin.blueprints.api.schemas.fields import Moment, PageQuery, described
from zmdm_plugin.services.alerts import handling, kinds
from zmdm_plugin.services.alerts.condition import Severity

_SEVERITIES = [str(one) for one in Severity]


class AlertQuery(PageQuery):
    """Which alerts."""

    state = ma.fields.String(
        load_default="open",
        validate=ma.validate.OneOf(handling.STATES),
        metadata=described("Open: nobody looks after it, and nobody has put it off."),
    )
    severity = ma.fields.String(validate=ma.validate.OneOf(_SEVERITIES))
    condition = ma.fields.String(
        validate=ma.validate.OneOf(sorted(kinds.KINDS)),
        metadata=described("What is wrong.", example="push_certificate.expires"),
    )


class AlertSchema(ma.Schema):
    """One condition from when it was first seen until it was gone."""

    id = ma.fields.Integer(required=True)
    state = ma.fields.String(required=True, metadata={"enum": [*handling.STATES[:-1]]})
    condition = ma.fields.String(
        required=True, attribute="kind", metadata={"example": "push_certificate.expires"}
    )
    severity = ma.fields.String(required=True, metadata={"enum": _SEVERITIES})
    title = ma.fields.String(required=True, metadata={"example": "Push certificate ends"})
    name = ma.fields.String(
        required=True, metadata=described("What it is about; may be empty.", example="Example Ltd")
    )
    says = ma.fields.String(
        required=True,
        metadata=described("What is wrong.", example="It ends on 2026-12-24, in 25 days."),
    )
    do = ma.fields.String(
        required=True, metadata=described("What to do.", example="Renew it in Apple's portal.")
    )
    facts = ma.fields.Dict(
        required=True,
        metadata=described("The values behind the words.", example={"id": 1, "days": 25}),
    )
    url = ma.fields.String(
        required=True,
        metadata=described(
            "Its page, for people.", example="https://mdm.example.com/mdm/alerts/1/"
        ),
    )
    opened_at = Moment(required=True)
    seen_at = Moment(required=True, metadata=described("When it was last found to be so."))
    cleared_at = Moment(required=True, allow_none=True)
    acknowledged_at = Moment(required=True, allow_none=True)
    acknowledged_by = ma.fields.String(required=True, allow_none=True)
    note = ma.fields.String(required=True, allow_none=True)
    snoozed_until = Moment(required=True, allow_none=True)


class Acknowledgement(ma.Schema):
    """Somebody looks after it."""

    note = ma.fields.String(
        load_default="",
        validate=ma.validate.Length(max=500),
        metadata=described("For the others.", example="Renewal is ordered."),
    )


class Snooze(ma.Schema):
    """Nobody is told until then; one of the two."""

    until = Moment()
    duration = ma.fields.String(
        validate=ma.validate.OneOf(list(handling.SNOOZES)),
        metadata=described("Instead of `until`.", example="1d"),
    )

    @ma.validates_schema
    def _one(self, data: dict[str, Any], **_: Any) -> None:
        if len({"until", "duration"} & data.keys()) != 1:
            raise ma.ValidationError("say until or duration, and not both", "until")
