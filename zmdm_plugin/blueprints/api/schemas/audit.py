"""Audit entries as JSON, and how one asks for them."""

from __future__ import annotations

import marshmallow as ma

from zmdm_plugin.blueprints.api.schemas.fields import (
    DatedQuery,
    ExportQuery,
    Moment,
    PageQuery,
    described,
    newest_first,
    text_argument,
)
from zmdm_plugin.services import audit_log

_ID = ma.validate.Range(min=1, max=2**63 - 1)


class AuditEntrySchema(ma.Schema):
    """Who did what, from where. Entries are never changed."""

    id = ma.fields.Integer(required=True)
    created_at = Moment(required=True)
    actor_id = ma.fields.String(
        required=True, metadata=described("The person; of a program, the owner of its token.")
    )
    actor_label = ma.fields.String(required=True)
    actor_kind = ma.fields.String(
        required=True,
        metadata=described("How they acted.", enum=["user", "token", "system"]),
    )
    token_id = ma.fields.Integer(allow_none=True, metadata=described("The API token, if any."))
    token_name = ma.fields.String(allow_none=True)
    action = ma.fields.String(required=True, metadata=described("e.g. device.block, denied"))
    object_type = ma.fields.String(required=True, metadata=described("Empty: about no object."))
    object_id = ma.fields.Integer(allow_none=True)
    object_label = ma.fields.String(allow_none=True)
    device_id = ma.fields.Integer(allow_none=True)
    serial_number = ma.fields.String(allow_none=True)
    source_ip = ma.fields.String(allow_none=True)
    user_agent = ma.fields.String(allow_none=True)
    request_id = ma.fields.String(allow_none=True, metadata=described("From X-Request-Id."))
    reason = ma.fields.String(allow_none=True)
    before = ma.fields.Dict(
        allow_none=True, metadata=described("Values that are declared safe; others: `changed`.")
    )
    after = ma.fields.Dict(allow_none=True)


class _Asked(ma.Schema):
    """What list and export filter by."""

    actor = text_argument("An actor's id or label, exactly; their tokens count as them.")
    token = ma.fields.Integer(validate=_ID, metadata=described("The id of an API token."))
    action = text_argument("Exactly this action.", 64)
    object_type = text_argument("What kind of object, e.g. device, enrollment.", 64)
    object_id = ma.fields.Integer(validate=_ID)
    device = ma.fields.Integer(
        validate=_ID, metadata=described("The id of a device: all about it and its commands.")
    )
    serial_number = text_argument("Exactly this serial number.", 128)
    source_ip = text_argument("Exactly this address.", 64)


class AuditQuery(DatedQuery, _Asked, PageQuery):
    """Filters and ordering of the list."""

    ordering = newest_first(audit_log.KEYSET)


class AuditExportQuery(ExportQuery, _Asked):
    """Filters of an export, and its form."""
