"""Facts worth knowing, written in the transaction of the fact; never bodies, never secrets."""

from __future__ import annotations

from typing import Any

from zmdm_plugin.db import session
from zmdm_plugin.models import Device, EnrollmentSession, Event
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.webhooks import outbox


def record(
    kind: str,
    *,
    device: Device | int | None = None,
    enrollment_session: EnrollmentSession | None = None,
    **payload: Any,
) -> None:
    """Add one event; `kind` is a dotted name like `device.enrolled`."""
    device_id = device.id if isinstance(device, Device) else device
    event = Event(
        kind=kind,
        device_id=device_id,
        session_id=enrollment_session.id if enrollment_session else None,
        payload={key: value for key, value in payload.items() if value is not None},
        created_at=utcnow(),
    )
    session().add(event)
    outbox.write(event, kind, device_id)
