"""Every kind of event, each once: docs/events.md is made of this, and what is written is held
against it."""

from __future__ import annotations

from zmdm_plugin.services.event_kinds import (
    apple,
    artifacts,
    commands,
    credentials,
    devices,
    enrollment,
    people,
    protection,
    server,
    updates,
)
from zmdm_plugin.services.event_kinds.base import Field as Field
from zmdm_plugin.services.event_kinds.base import Kind as Kind
from zmdm_plugin.services.event_kinds.base import catalogue

AREAS = {
    "Devices": devices.KINDS,
    "Enrollment": enrollment.KINDS,
    "Commands and answers": commands.KINDS,
    "Artifacts and blueprints": artifacts.KINDS,
    "Secrets and protection": protection.KINDS,
    "Software updates": updates.KINDS,
    "Apple Business Manager, Apps & Books": apple.KINDS,
    "People and signing in": people.KINDS,
    "Credentials": credentials.KINDS,
    "This server": server.KINDS,
}
KINDS = catalogue(*AREAS.values())


def title(name: str) -> str | None:
    """What people read for a kind; None for one that a former release wrote."""
    known = KINDS.get(name)
    return known.title if known is not None else None
