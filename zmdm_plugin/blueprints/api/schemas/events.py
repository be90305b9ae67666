"""Events as JSON, and how one asks for them."""

from __future__ import annotations

from typing import Any

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
from zmdm_plugin.models import Device, Event
from zmdm_plugin.services import event_log

_ID = ma.validate.Range(min=1, max=2**63 - 1)


class EventSchema(ma.Schema):
    """A fact worth knowing; docs/events.md lists every kind with the keys of its payload."""

    id = ma.fields.Integer(required=True)
    created_at = Moment(required=True)
    kind = ma.fields.String(required=True, metadata=described("e.g. device.enrolled"))
    version = ma.fields.Integer(
        required=True, metadata=described("Of what the payload of this kind holds.")
    )
    device_id = ma.fields.Integer(allow_none=True)
    serial_number = ma.fields.String(allow_none=True)
    device_name = ma.fields.String(allow_none=True)
    actor_id = ma.fields.String(
        allow_none=True, metadata=described("Who did it; null: a device, Apple or the server.")
    )
    actor_label = ma.fields.String(allow_none=True)
    request_id = ma.fields.String(
        allow_none=True, metadata=described("As in log lines, the audit and X-Request-Id.")
    )
    payload = ma.fields.Dict(required=True, metadata=described("What is said by this kind."))


def shown(event: Event, device: Device | None) -> dict[str, Any]:
    """An event with the names of its device."""
    own = {name: getattr(event, name) for name in event_log.COLUMNS if hasattr(event, name)}
    return {
        **own,
        "serial_number": device.serial_number if device is not None else None,
        "device_name": device.name if device is not None else None,
    }


class _Asked(ma.Schema):
    """What list and export filter by."""

    kind = text_argument("Exactly this kind, or all that begin alike: device.*", 64)
    device = ma.fields.Integer(validate=_ID, metadata=described("The id of a device."))
    search = text_argument(
        "Text in a device's name, serial number, UDID, IMEI or model; of at most 1,000 devices."
    )
    actor = text_argument("An actor's id or label, exactly.")
    request = text_argument(
        "A request's id, as in X-Request-Id: what people and programs caused by it. For what a "
        "device did in one of its own, say which device as well.",
        64,
    )


class EventQuery(DatedQuery, _Asked, PageQuery):
    """Filters and ordering of the list."""

    ordering = newest_first(event_log.KEYSET)


class EventExportQuery(ExportQuery, _Asked):
    """Filters of an export, and its form."""
