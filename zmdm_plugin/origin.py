"""Where the work of this thread comes from: the request, its address, who acts, what it is about.

Edges set it once per request or job; the audit, events and log lines read it, so that services need
not hand it through. Kept in a context variable, hence apart for each thread and each greenlet.
"""

from __future__ import annotations

import os
from contextvars import ContextVar
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Empty for the command line, but for its actor."""

    source_ip: str | None = None
    user_agent: str | None = None
    request_id: str | None = None
    """The same in the answer's header, in log lines, in entries, and in jobs that come of it."""
    actor_id: str | None = None
    actor_label: str | None = None
    device_id: int | None = None
    """The device that speaks, once it is known."""
    command: str | None = None
    """UUID of the command that it answers."""


NOWHERE = Origin()
_origin: ContextVar[Origin] = ContextVar("zmdm_origin", default=NOWHERE)


def came_from(origin: Origin) -> None:
    """Set the origin of all that this thread does next; NOWHERE when the request is over."""
    _origin.set(origin)


def origin() -> Origin:
    """Where what this thread does comes from."""
    return _origin.get()


def acts(actor_id: str, label: str) -> None:
    """Somebody is known by now."""
    _origin.set(replace(_origin.get(), actor_id=actor_id[:128], actor_label=label[:256]))


def speaks(device_id: int, command: str | None = None) -> None:
    """A device is known by now."""
    _origin.set(replace(_origin.get(), device_id=device_id, command=command))


def new_request_id() -> str:
    """Random, short enough to be typed."""
    return os.urandom(8).hex()
