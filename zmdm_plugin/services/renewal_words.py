"""Why an identity is not renewed yet, in sentences that an operator can act upon. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from zmdm_plugin.models import Channel, ChannelCommand, Device, Identity
from zmdm_plugin.services import renewal_due, waiting
from zmdm_plugin.services.enrollment.renewal import holding
from zmdm_plugin.services.spans import ago, counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An identity, its device and channel, the order that waits, and the time."""

    identity: Identity
    device: Device
    channel: Channel | None
    command: ChannelCommand | None
    before: timedelta
    """How long before the end renewals are due."""
    now: datetime
    resting: str = ""
    """Why nothing is pushed to the device at all, if so."""

    @property
    def due_at(self) -> datetime:
        """From when on it is renewed, or tried again."""
        return renewal_due.due_at(holding(self.identity), self.before)


def why(standing: Standing) -> str:
    """What is to be known of its renewal; empty where the identity is history."""
    identity = standing.identity
    if identity.state == "retired":
        return ""
    if identity.state == "pending":
        return "Not in use yet: the device's TokenUpdate has not come."
    if identity.retire_at is not None:
        return f"Replaced; it ends {ago(identity.retire_at, standing.now)}."
    return _away(standing) or _step(standing)


def _away(standing: Standing) -> str:
    device = standing.device
    if device.blocked_at is not None:
        return "The device is blocked, so it gets no new identity."
    if device.released_at is not None:
        return "The device was released; it gets a new identity when it enrolls again."
    if device.checkout_at is not None:
        return "The device has left; it gets a new identity when it enrolls again."
    return ""


def _step(standing: Standing) -> str:
    identity, now = standing.identity, standing.now
    again = "Tried again when the device comes by."
    if standing.due_at > now:
        again = f"Tried again {ago(standing.due_at, now)}."
    times = counted(identity.renewal_attempts, "attempt")
    if standing.command is not None and standing.channel is not None:
        return waiting.why(standing.command, standing.channel, now, resting=standing.resting)
    if identity.renewal_state == "failed":
        reason = (identity.renewal_failure or "it failed").rstrip(".")
        return f"{reason[:1].upper()}{reason[1:]} ({times}). {again}"
    if identity.renewal_state == "taken":
        taken = ago(identity.renewal_since, now)
        return f"The device took the profile {taken}, but does not use its new identity. {again}"
    if identity.renewal_state == "done":
        return "The device has its new identity, but has not answered the command yet."
    if identity.renewal_state in ("ordered", "put_off"):
        return f"Its order ended without an answer ({times}). {again}"
    return _not_begun(standing)


def _not_begun(standing: Standing) -> str:
    if standing.due_at > standing.now:
        return f"Due {ago(standing.due_at, standing.now)}."
    seen = standing.channel.last_seen_at if standing.channel else None
    since = f"was last seen {ago(seen, standing.now)}" if seen else "has not been seen"
    return f"Due since {standing.due_at:%Y-%m-%d}; the device {since} and gets it when it comes by."
