"""Identity certificates and their renewal."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from zmdm_plugin.blueprints.api.schemas.fields import Moment, PageQuery, described, text_argument
from zmdm_plugin.services import renewals
from zmdm_plugin.services.identity_filter import RENEWALS, STATES
from zmdm_plugin.services.keyset import MAX_ID


class Whole(ma.fields.Nested):
    """A part of the answer that is made of the same object as the whole."""

    def get_value(self, obj: Any, *_args: Any, **_kwargs: Any) -> Any:
        return obj


class RenewalSchema(ma.Schema):
    """How far the replacement of an identity is."""

    state = ma.fields.String(
        attribute="identity.renewal_state",
        allow_none=True,
        metadata=described(
            "null: not begun; ordered, put_off (NotNow), taken (acknowledged, the new identity is "
            "not in use yet), failed, done, cancelled.",
            example="failed",
        ),
    )
    why = ma.fields.Function(
        lambda standing: renewals.why(standing),
        metadata=described(
            "What it waits for, or why it failed, in words; empty where nothing is to be said.",
            type="string",
            example="The SCEP server does not answer (2 attempts). Tried again in 1 hour.",
        ),
    )
    attempts = ma.fields.Integer(attribute="identity.renewal_attempts", required=True)
    due_at = Moment(metadata=described("From when on it is renewed, or tried again."))
    since = Moment(
        attribute="identity.renewal_since",
        allow_none=True,
        metadata=described("Since when it is in this state."),
    )
    overdue_at = Moment(
        attribute="identity.renewal_overdue_at",
        allow_none=True,
        metadata=described("When it was said that half of the time for it has passed."),
    )
    failure = ma.fields.String(
        attribute="identity.renewal_failure",
        allow_none=True,
        metadata=described("Why the last attempt failed.", example="The SCEP server is away."),
    )


class IdentitySchema(ma.Schema):
    """A certificate by which a device proves who it is."""

    id = ma.fields.Integer(attribute="identity.id", required=True, metadata={"example": 31})
    device = ma.fields.Integer(attribute="device.id", required=True, metadata={"example": 27})
    serial_number = ma.fields.String(attribute="device.serial_number", allow_none=True)
    udid = ma.fields.String(attribute="device.udid", allow_none=True)
    fingerprint = ma.fields.String(
        attribute="identity.fingerprint",
        required=True,
        metadata=described("SHA-256 of the certificate, hex.", example="9f" * 32),
    )
    state = ma.fields.String(
        attribute="identity.state",
        required=True,
        metadata=described("pending (until the first TokenUpdate), active, retired"),
    )
    not_before = Moment(attribute="identity.not_before", required=True)
    not_after = Moment(attribute="identity.not_after", required=True)
    retire_at = Moment(
        attribute="identity.retire_at",
        allow_none=True,
        metadata=described("Replaced, it works until then."),
    )
    renewal = Whole(RenewalSchema, required=True)


class IdentityQuery(PageQuery):
    """Filters of the list."""

    state = ma.fields.String(
        load_default="in_use",
        validate=ma.validate.OneOf(STATES),
        metadata=described(
            "in_use; of these those that are expired; pending, replaced (in their grace), retired."
        ),
    )
    renewal = ma.fields.String(
        validate=ma.validate.OneOf(RENEWALS),
        metadata=described("Only those whose renewal stands there; overdue: half the time is gone"),
    )
    ends_before = Moment(metadata=described("Ends earlier than this."))
    device = ma.fields.Integer(
        validate=ma.validate.Range(min=1, max=MAX_ID), metadata=described("Only of this device.")
    )
    serial_number = text_argument("Of the device with exactly this serial number.")
    search = text_argument("Free text, as in the list of devices.")
    ordering = ma.fields.String(
        load_default="not_after",
        validate=ma.validate.OneOf(renewals.KEYSET.orderings),
        metadata=described("By what to sort; a minus reverses."),
    )
